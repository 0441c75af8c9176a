import type { HostIdentity } from '../host/host.js'
import type { StorageContainer, VolumeGroup } from '../prism/prism.js'
import type { VolumeContext } from './context.js'
import { findVolume, snapshotsOf } from './find.js'
import { currentHolder, initiatorsOf, readersSince } from './holder.js'
import { tokenIsFor } from './observe.js'
import { targetName } from './target-name.js'
import { asVolume, isOurs, isTrashed, sizeOf, type Volume } from './volume.js'

/** A volume as lists and `show` present it. */
export interface VolumeInfo {
  name: string
  uuid: string
  sizeBytes: number
  /** Names of the disks' storage containers. */
  containers: string[]
  filesystem?: string
  /** False while its first mount will format it. */
  formatted: boolean
  /** `free`; `attached`: to this machine, since this boot; `held`: by someone else; `read`: by any number; `vm`. */
  state: 'free' | 'attached' | 'held' | 'read' | 'vm'
  /** Host name, or the initiator when no record says more. */
  holder?: string
  /** ISO 8601. */
  since?: string
  initiators: string[]
  vmUuids: string[]
  snapshots: number
  /** Present on a snapshot. */
  snapshot?: { ofName: string; ofUuid: string; name: string; at: string; frozen: boolean }
  /** Present on what is in the trash. */
  trash?: { name: string; at: string; until: string }
  description: string
  protected: boolean
  readOnly: boolean
  flash: boolean
  chap: boolean
  /** acs made it. */
  managed: boolean
  onRemove?: string
  /** `docker volume rm` kept it: the plugin does not show it. */
  hidden: boolean
  /** Host that created it. */
  createdBy?: string
  mountOptions?: string
  mkfsOptions?: string
  owner?: string
  mode?: string
  target: string
  disks: { index: number; uuid: string; sizeBytes: number; container: string }[]
}

/**
 * The volumes of a cluster. Snapshots and the trash only on request; groups that acs did not make are included, as they
 * can be used. Asks nothing of this machine but its name.
 */
export async function listVolumes(
  context: VolumeContext,
  which: { volumes?: boolean; snapshots?: boolean; trash?: boolean },
): Promise<VolumeInfo[]> {
  const [groups, containers, identity] = await lookAround(context)
  const names = containerNames(containers)
  const counts = countSnapshots(groups)
  return groups
    .map(asVolume)
    .filter((volume) => (isTrashed(volume) ? which.trash : volume.trailer?.snap ? which.snapshots : which.volumes))
    .map((volume) => infoOf(volume, names, counts(volume), identity))
}

/** One volume or snapshot. */
export async function showVolume(context: VolumeContext, nameOrUuid: string): Promise<VolumeInfo> {
  const volume = await findVolume(context, nameOrUuid)
  return describeVolume(context, volume)
}

/** A volume that is at hand already, as `show` presents it. */
export async function describeVolume(context: VolumeContext, volume: Volume): Promise<VolumeInfo> {
  const [groups, containers, identity] = await lookAround(context)
  return infoOf(volume, containerNames(containers), snapshotsOf(groups, volume).length, identity)
}

function infoOf(
  volume: Volume,
  containers: ReadonlyMap<string, string>,
  snapshots: number,
  identity: HostIdentity,
): VolumeInfo {
  const { group, trailer } = volume
  const nameOfContainer = (uuid: string): string => containers.get(uuid) ?? uuid
  const initiators = initiatorsOf(volume)
  const vmUuids = group.attachments.flatMap((attachment) => attachment.vmUuid ?? [])
  const holder = currentHolder(volume)
  const here = holder?.n === identity.hostName && holder.b === identity.bootId && initiators.length === 1
  const readSince = holder ? undefined : readersSince(volume)
  const stateOf = (): VolumeInfo['state'] => {
    if (vmUuids.length > 0) return 'vm'
    if (initiators.length === 0) return 'free'
    if (readSince !== undefined) return 'read'
    return here ? 'attached' : 'held'
  }
  const who = holder?.n ?? initiators[0] ?? vmUuids[0]
  const { snap, del } = trailer ?? {}
  const { uid, gid } = trailer ?? {}
  return {
    name: group.name,
    uuid: group.uuid,
    sizeBytes: sizeOf(group),
    containers: [...new Set(group.disks.map((disk) => nameOfContainer(disk.storageContainerUuid)))],
    ...given('filesystem', trailer?.fs),
    formatted: !(trailer?.fmt && tokenIsFor(group.uuid, trailer.fmt.t)),
    state: stateOf(),
    ...given('holder', who),
    ...given('since', holder?.s ?? (initiators.length > 0 ? readSince : undefined)),
    initiators,
    vmUuids,
    snapshots,
    ...given(
      'snapshot',
      snap && { ofName: snap.ofName, ofUuid: snap.of, name: snap.name, at: snap.at, frozen: snap.frozen },
    ),
    ...given('trash', del && isTrashed(volume) ? { name: del.n, at: del.at, until: del.until } : undefined),
    description: volume.text,
    protected: trailer?.prot ?? false,
    readOnly: trailer?.ro ?? false,
    flash: group.flashMode,
    chap: group.chap,
    managed: isOurs(volume),
    ...given('onRemove', trailer?.rm),
    hidden: trailer?.hid ?? false,
    ...given('createdBy', trailer?.c),
    ...given('mountOptions', trailer?.mo),
    ...given('mkfsOptions', trailer?.mk),
    ...given('owner', uid === undefined && gid === undefined ? undefined : `${uid ?? 0}:${gid ?? 0}`),
    ...given('mode', trailer?.mode),
    target: targetName(group),
    disks: group.disks.map((disk) => ({
      index: disk.index,
      uuid: disk.uuid,
      sizeBytes: disk.sizeBytes,
      container: nameOfContainer(disk.storageContainerUuid),
    })),
  }
}

function given<K extends keyof VolumeInfo>(key: K, value: VolumeInfo[K] | undefined): Partial<VolumeInfo> {
  return value === undefined ? {} : { [key]: value }
}

function containerNames(containers: readonly StorageContainer[]): ReadonlyMap<string, string> {
  return new Map(containers.map((container) => [container.uuid, container.name]))
}

/** Snapshots per volume in one pass over the groups: lists of thousands stay fast. */
function countSnapshots(groups: readonly VolumeGroup[]): (volume: Volume) => number {
  const volumes = groups.map(asVolume)
  const alive = new Set(volumes.filter((volume) => !volume.trailer?.snap).map((volume) => volume.group.uuid))
  const counts = new Map<string, number>()
  for (const { trailer } of volumes) {
    const snap = trailer?.snap
    if (!snap) continue
    const owner = alive.has(snap.of) ? snap.of : `name ${snap.ofName}`
    counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  return ({ group }) => (counts.get(group.uuid) ?? 0) + (counts.get(`name ${group.name}`) ?? 0)
}

/** What tells a volume from another: all groups, all containers, and who we are. */
function lookAround(context: VolumeContext) {
  const call = { deadline: context.deadline }
  return Promise.all([context.prism.volumeGroups(call), context.prism.storageContainers(call), context.host.identity()])
}
