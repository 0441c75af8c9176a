import type { Deadline } from '../base/deadline.js'
import type { DiskRates } from '../host/disk-stats.js'
import type { AttachedDisk, DiskSession, HostMachine, Initiator, MountEntry } from '../host/host.js'
import { mountsOfDevice } from '../host/mountinfo.js'
import { targetPrefix } from './target-name.js'

/** What a volume that is in use on this machine is doing. Times are ISO 8601, sizes bytes. */
export interface VolumeActivity {
  name: string
  uuid: string | null
  /** As the volume plugin has it; `attached`: by hand, and not mounted. */
  state: 'mounted' | 'lingering' | 'changing' | 'lost' | 'attached'
  /** The way to its disk; null where that is not known (yet). */
  session: DiskSession['state'] | null
  /** Names of containers; null where Docker does not say, or nobody asked it. */
  containers: string[] | null
  mountPoint: string | null
  device: string | null
  filesystem: string | null
  sizeBytes: number | null
  usedBytes: number | null
  /** Of its filesystem, 0 to 1, as df counts it. */
  usedShare: number | null
  /** Null at the first look, and where there is no disk. */
  rates: DiskRates | null
  lingersUntil: string | null
  /** The volume plugin has it for Docker; else it was mounted by hand. */
  byPlugin: boolean
}

/** What the volume plugin is doing. */
export interface PluginActivity {
  name: string
  version: string
  state: string
  pid: number
  since: string
  cluster: { endpoint: string | null; state: string; answeredAt: string | null } | null
  knownVolumes: number | null
  listRefreshedAt: string | null
  callsEnded: number
  callsFailed: number
  /** Null at the first look. */
  callsPerSecond: number | null
}

/** A call of Docker's that is at work. */
export interface CallActivity {
  call: string
  volume: string | null
  step: string | null
  since: string
}

/** One look at this machine's volumes. */
export interface Activity {
  at: string
  hostName: string
  plugin: PluginActivity | null
  /** In the order of their names. */
  volumes: VolumeActivity[]
  calls: CallActivity[]
  /** What is wrong, or could not be seen; each one sentence. */
  problems: string[]
}

/** A disk of a volume on this machine, and where it is mounted. */
export interface LocalDisk extends AttachedDisk {
  /** By the name of its target. */
  name: string
  mount: MountEntry | undefined
}

/** The disks that acs attached here, by whatever initiator; asks neither the cluster nor a disk. */
export async function localDisks(
  { host, initiators }: { host: Pick<HostMachine, 'mounts'>; initiators: readonly Initiator[] },
  deadline: Deadline,
): Promise<LocalDisk[]> {
  const [mounts, ...disks] = await Promise.all([
    host.mounts(),
    ...initiators.map((initiator) => initiator.attached(deadline).catch((): AttachedDisk[] => [])),
  ])
  return disks.flat().map((disk) => ({
    ...disk,
    name: nameInTarget(disk.targetName),
    mount: mountsOfDevice(mounts, disk)[0],
  }))
}

/** Prism names a group's target `NAME-UUID`, when it is made: a name that was changed since shows as it was. */
export function nameInTarget(targetName: string): string {
  const own = targetName.startsWith(targetPrefix) ? targetName.slice(targetPrefix.length) : targetName
  return own.replace(/-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, '') || own
}
