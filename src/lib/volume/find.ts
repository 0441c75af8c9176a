import { closest } from '../base/did-you-mean.js'
import { AcsError } from '../base/errors.js'
import type { VolumeGroup } from '../prism/prism.js'
import type { VolumeContext } from './context.js'
import { isUuid, parseSnapshotReference, printable, snapshotGroupName } from './names.js'
import { asVolume, isTrashed, type Volume } from './volume.js'

/**
 * The volume of that exact name or UUID. Throws EACSNOTFOUND, or EACSDUPLICATE when several groups share
 * the name (Prism may allow it): then only a UUID says which one is meant.
 */
export async function findVolume(context: VolumeContext, nameOrUuid: string): Promise<Volume> {
  // The list may leave out what a single answer has: version and initiators are read afresh.
  return readVolume(context, await findVolumeUuid(context, nameOrUuid))
}

/** The UUID of the volume of that exact name; a UUID is taken as it is. Throws like `findVolume` for a name. */
export async function findVolumeUuid(context: VolumeContext, nameOrUuid: string): Promise<string> {
  if (isUuid(nameOrUuid)) return nameOrUuid.toLowerCase()
  return pickByName(await context.prism.volumeGroups({ deadline: context.deadline }), nameOrUuid).uuid
}

/** The volume of that UUID, from the cluster. Throws EACSNOTFOUND. */
export async function readVolume(context: VolumeContext, uuid: string): Promise<Volume> {
  return asVolume(await context.prism.volumeGroup(uuid, { deadline: context.deadline }))
}

/** The snapshot `VOLUME@SNAPSHOT` or the one of that UUID. */
export async function findSnapshot(context: VolumeContext, reference: string): Promise<Volume> {
  if (!isUuid(reference)) parseSnapshotReference(reference)
  const volume = await findVolume(context, reference)
  if (!volume.trailer?.snap)
    throw new AcsError('not-found', 'EACSNOTSNAPSHOT', `${printable(reference)} is not a snapshot that acs made`, {
      hints: ['See the snapshots: acs volume snapshot list'],
      details: { uuid: volume.group.uuid },
    })
  return volume
}

/** The conflict of a group that has another name than it had when it was chosen by its name. */
export function renamed(name: string, volume: Volume): AcsError {
  return new AcsError(
    'conflict',
    'EACSRENAMED',
    `volume "${printable(name)}" was renamed to "${printable(volume.group.name)}" meanwhile`,
    { hints: ['Say again which one you mean'], details: { uuid: volume.group.uuid, name: volume.group.name } },
  )
}

/** The one group of that name among `groups`. Throws like `findVolume`. */
export function pickByName(groups: readonly VolumeGroup[], name: string): VolumeGroup {
  const found = groups.filter((group) => group.name === name)
  const [first] = found
  if (!first)
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no volume "${printable(name)}"`, {
      hints: didYouMean(groups, name),
      details: { name },
    })
  if (found.length > 1) throw duplicateName(name, found)
  return first
}

/** The conflict of several groups with one name. */
export function duplicateName(name: string, found: readonly Pick<VolumeGroup, 'uuid'>[]): AcsError {
  const uuids = found.map((group) => group.uuid)
  return new AcsError(
    'conflict',
    'EACSDUPLICATE',
    `${found.length} volume groups are named "${printable(name)}": ${uuids.join(', ')}`,
    { hints: ['Use the UUID of the one you mean in place of the name'], details: { name, uuids } },
  )
}

/** Snapshots of a volume, oldest first: those taken of its UUID, and those of its name (a restore gives a new UUID). */
export function snapshotsOf(groups: readonly VolumeGroup[], volume: Volume): Volume[] {
  const volumes = groups.map(asVolume)
  const alive = new Set(volumes.filter((other) => !other.trailer?.snap).map((other) => other.group.uuid))
  return volumes
    .filter(({ trailer, group }) => {
      const snap = trailer?.snap
      if (!snap || group.uuid === volume.group.uuid) return false
      if (snap.of === volume.group.uuid) return true
      const byName = snap.ofName === volume.group.name && group.name === snapshotGroupName(snap.ofName, snap.name)
      return byName && !alive.has(snap.of)
    })
    .sort((a, b) => (a.trailer?.snap?.at ?? '').localeCompare(b.trailer?.snap?.at ?? ''))
}

function didYouMean(groups: readonly VolumeGroup[], name: string): string[] {
  const inTrash = groups.map(asVolume).some((volume) => isTrashed(volume) && volume.trailer?.del?.n === name)
  if (inTrash) return [`It is in the trash, take it out: acs volume undelete ${printable(name)}`]
  // A long name is pasted rather than typed, and comparing it with thousands takes seconds.
  const names = name.length > 64 ? [] : groups.map((group) => group.name)
  const [near] = closest(name, names, 1)
  return [...(near === undefined ? [] : [`Did you mean ${printable(near)}?`]), 'See all volumes: acs volume list --all']
}
