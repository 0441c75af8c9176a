import * as v from 'valibot'

const count = v.number()
const time = v.string()
const nullable = <T extends v.GenericSchema>(schema: T) => v.nullable(schema)

/** An error as it is told: never a stack, never a secret. */
const failure = v.object({ at: time, code: v.string(), message: v.string() })

const prism = v.object({
  /** `refused`: it answers, and not to us (password, certificate, rights). `unknown`: not asked yet. */
  state: v.picklist(['unknown', 'reachable', 'unreachable', 'refused', 'not-configured']),
  /** `host:port` */
  endpoint: nullable(v.string()),
  answeredAt: nullable(time),
  /** Of the last call that got no proper answer; stays when others did since. */
  lastError: nullable(failure),
})

const volume = v.object({
  name: v.string(),
  uuid: v.string(),
  /**
   * `lingering`: no caller, detached at `lingersUntil`. `changing`: being mounted or detached. `lost`: the cluster gave it to
   * someone else, and a caller still has what is left of it.
   */
  state: v.picklist(['mounted', 'lingering', 'changing', 'lost']),
  mountPoint: v.string(),
  /** `/dev/loop7`; null where it is not attached, or the look took too long. */
  device: nullable(v.string()),
  /** `major:minor` */
  deviceNumber: nullable(v.string()),
  filesystem: nullable(v.string()),
  /** Of the volume. */
  sizeBytes: nullable(count),
  /** Of its filesystem, as last measured. */
  usedBytes: nullable(count),
  availableBytes: nullable(count),
  /** Docker's mount IDs, since when. */
  callers: v.array(v.object({ id: v.string(), since: time })),
  lingersUntil: nullable(time),
  /** It was mounted before the plugin came; the last caller leaves it mounted. */
  byHand: v.boolean(),
})

const callAtWork = v.object({
  call: v.string(),
  requestId: v.string(),
  volume: nullable(v.string()),
  since: time,
  /** The step it is at, where the call has several. */
  step: nullable(v.string()),
})

const settings = v.object({
  configFile: v.string(),
  stateFolder: v.string(),
  mountFolder: v.string(),
  lingerMs: count,
  takeOver: v.object({ policy: v.string(), delayMs: count }),
  peerListen: v.string(),
  show: v.string(),
  keepTrashMs: count,
  metrics: nullable(v.string()),
  dockerSocket: v.string(),
  logLevel: v.string(),
})

/** What only a driver that is there can tell. */
const driver = v.object({
  prism,
  /** The list of volumes, as last heard from the cluster. */
  cache: v.object({ volumes: count, refreshedAt: nullable(time), lastError: nullable(failure) }),
  /** Null while it is looked for, and where none works: then `initiatorError` says why. */
  initiator: nullable(v.object({ kind: v.string(), name: v.string() })),
  initiatorError: nullable(failure),
  /** iSCSI disks of volumes on this machine; null when it could not be seen in time. */
  sessions: nullable(count),
  /** Where other hosts ask for volumes; null until it listens. */
  peerAddress: nullable(v.string()),
  volumes: v.array(volume),
  settings,
})

/** What a running plugin says of itself at `/status`. Times are ISO 8601, sizes bytes. */
export const pluginStatusSchema = v.object({
  v: v.literal(1),
  /** The driver's name. */
  name: v.string(),
  /** Of acs. */
  version: v.string(),
  pid: count,
  since: time,
  /** What started it: a managed plugin of Docker's, a service of systemd, or somebody. */
  runs: v.picklist(['managed-plugin', 'service', 'process']),
  /** Where Docker's calls come in. */
  socket: v.string(),
  state: v.picklist(['starting', 'ready', 'stopping']),
  connections: count,
  calls: v.array(callAtWork),
  counts: v.object({
    calls: count,
    /** Of these; that there is no such volume is no failure. */
    failed: count,
    byOutcome: v.record(v.string(), count),
    retries: count,
    journalReplays: count,
  }),
  /** The last call that failed for another reason than that there is no such volume. */
  lastFailure: nullable(v.object({ ...failure.entries, call: v.string(), volume: nullable(v.string()) })),
  /** Null before it is ready. */
  driver: nullable(driver),
})

export type PluginStatus = v.InferOutput<typeof pluginStatusSchema>
export type DriverStatus = v.InferOutput<typeof driver>
export type VolumeStatus = v.InferOutput<typeof volume>
export type CallAtWork = v.InferOutput<typeof callAtWork>
export type PrismStatus = v.InferOutput<typeof prism>
export type FailureStatus = v.InferOutput<typeof failure>
