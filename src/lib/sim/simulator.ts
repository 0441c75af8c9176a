import type { FaultKind } from './fault-kinds.js'
import type { HypervisorKind } from './hypervisor-kinds.js'

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
  /** What machines are: records that do as they are told (default), or QEMU processes that boot. */
  hypervisor?: HypervisorKind
  /** Of the cluster and its first network where machines boot, default 10.38.0.0/24. Its first address is this machine's. */
  subnet?: string | undefined
  behaviour?: Partial<SimulatorBehaviour>
  /** Capacity of the containers of a cluster made now, bytes; a cluster that exists keeps its own. */
  containerCapacityBytes?: number
  /** Sees every answer before it is sent; the contract tests hook in here. */
  onResponse?: (exchange: Exchange) => void
  /** File to which every exchange is added as a line of JSON, passwords and secrets left out. */
  record?: string
  log?: SimulatorLog
}

/** What a logger must offer; pino does. Fields never hold passwords, cookies or CHAP secrets. */
export interface SimulatorLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** One request and its answer. */
export interface Exchange {
  method: string
  /** Path without query, as it came. */
  path: string
  /** The route that answered, e.g. `GET v2.0 /volume_groups/{uuid}`; absent for unknown ones. */
  route?: string
  status: number
  requestBody?: unknown
  body?: unknown
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
  /** What SendTargets lists for a group: its `-tgtN` targets that hold a disk, its base target, or all of them. */
  discovery: 'virtual' | 'base' | 'both'
  /** Status of a successful POST. */
  createdStatus: 200 | 201
  /** Status for a UUID nobody knows. */
  unknownStatus: 404 | 500
  /** Status for a request that makes no sense to the cluster: duplicate name, bad size... */
  refusedStatus: 400 | 422 | 500
  /** Status for a `logical_timestamp` that is not the current one. */
  staleStatus: 409 | 412 | 500
  /** Deleting an attached group: a task that fails, or a refusal at once. */
  deleteAttached: 'task-failure' | 'refused'
  deleteAttachedText: string
  /** Body of a successful PUT of a group: the few fields of the specification, or the whole group. */
  updateResponse: 'specified' | 'full'
  /** Longest description a group may have, characters (assumed from v3). */
  maxDescriptionLength: number
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
  /** Live: changing a field changes the cluster. */
  readonly behaviour: SimulatorBehaviour
  addFault(fault: NewFault): Fault
  listFaults(): Fault[]
  /** One by id, or all; returns how many went. */
  clearFaults(id?: string): number
  /** Counters for tests and `acs sim status`. */
  state(): SimulatorState
  close(): Promise<void>
}

export interface SimulatorState {
  volumeGroups: number
  vms: number
  images: number
  networks: number
  disks: number
  iscsiClients: number
  tasks: { queued: number; running: number; finished: number }
  /** Successful password checks since the start; a client that reuses its cookie adds one. */
  logins: number
  failedLogins: number
  /** REST sessions alive. */
  sessions: number
  iscsiSessions: number
  faults: number
}

export type NewFault = Omit<Fault, 'id' | 'count'> & { count?: number | null }

/** A fault on request; `acs sim fault add`, `POST /sim/v1/faults`. */
export interface Fault {
  id: string
  kind: FaultKind
  /** `METHOD path-glob` for REST faults (`POST /volume_groups/*`), operation for tasks, target or disk UUID glob for iSCSI and disks. Default: all. */
  match?: string
  /** How often it strikes before it goes; default 1; `null`: until cleared. */
  count: number | null
  /** delay: ms; status: HTTP code. */
  value?: number
  /** drop: before anything is done (default), or after, so that only the answer is lost. */
  when?: 'before' | 'after'
  /** status, task-failure: Prism's text. */
  message?: string
  /** task-failure: fail at this percentage. */
  atPercent?: number
}
