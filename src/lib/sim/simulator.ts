/**
 * A Prism cluster on one machine: the interface of `acs sim`, in process for tests, as a daemon for people.
 */
export interface SimulatorOptions {
  /** Folder of the cluster's state; made when absent. */
  dataFolder: string
  /** REST, default `127.0.0.1:9440`; port 0 picks a free one. */
  listen?: string
  /** Data services portal, default `127.0.0.1:3260`; port 0 picks a free one. The "CVM" portal gets 3205, or a free port when the first is not 3260. */
  iscsi?: string
  behaviour?: Partial<SimulatorBehaviour>
}

/** Switches for what nobody outside Nutanix knows, and for time. Each is a row of docs/simulator.md. */
export interface SimulatorBehaviour {
  /** How long a task runs, ms. Default 0 in process, 300 as a daemon. */
  taskDurationMs: number
  /** A group answers 404 for so long after its creation, ms. Default 0. */
  notFoundAfterCreateMs: number
  /** Two groups may not share a name (assumed). */
  uniqueNames: boolean
  /** Idle life of a session cookie, ms (recorded: 15 min). */
  sessionLifetimeMs: number
  virtualTargets: number
  /** Disk N of `-tgtM` is LUN N, or always LUN 0 (unknown). */
  virtualTargetLun: 'index' | 'zero'
  /** Status of a successful POST. */
  createdStatus: 200 | 201
}

export interface Simulator {
  /** `https://127.0.0.1:9440` */
  readonly endpoint: string
  readonly username: string
  readonly passwordFile: string
  readonly certificateFile: string
  /** `host:port` of the data services portal. */
  readonly dataServices: string
  readonly fingerprint: string
  close(): Promise<void>
}

/** A fault on request; `acs sim fault add`, `POST /sim/v1/faults`. */
export interface Fault {
  id: string
  kind: 'delay' | 'status' | 'drop' | 'expire-session' | 'task-failure' | 'iscsi-drop' | 'disk-error' | 'disk-full'
  /** `METHOD path-glob` for REST faults (`POST /volume_groups/*`), operation for tasks, target or disk UUID glob for iSCSI and disks. Default: all. */
  match?: string
  /** How often it strikes before it goes; default 1; `null`: until cleared. */
  count: number | null
  /** delay: ms; status: HTTP code. */
  value?: number
  /** status, task-failure: Prism's text. */
  message?: string
  /** task-failure: fail at this percentage. */
  atPercent?: number
}
