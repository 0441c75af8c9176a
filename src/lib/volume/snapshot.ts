import { AcsError } from '../base/errors.js'
import type { CallOptions } from '../prism/prism.js'
import { copyVolume, inheritedTrailer, isHalfMade } from './copy.js'
import type { VolumeContext } from './context.js'
import { findPlace } from './create.js'
import { findSnapshot, findVolume, snapshotsOf } from './find.js'
import { initiatorsOf } from './holder.js'
import { withVolumeLock } from './lock.js'
import { checkSnapshotName, printable, snapshotGroupName } from './names.js'
import { checkRoom, withTrailer, type Trailer } from './trailer.js'
import { refuseTrashed } from './usable.js'
import { asVolume, nameOf, type Volume } from './volume.js'

export interface SnapshotRequest {
  volume: string
  /** Default: the time, `20260102-030405`. */
  name?: string
  /** Default: the volume's. */
  description?: string
  /** Freeze the filesystem meanwhile, when it is mounted here. Default true. */
  freeze?: boolean
  dryRun?: boolean
  onTask?: CallOptions['onTask']
}

export interface SnapshotResult {
  snapshot?: Volume
  planned?: string[]
}

/**
 * Takes a snapshot: a clone that stays detached, named `<volume>@<snapshot>` and marked in its record, as
 * Prism v2 has no snapshots of a volume group. Frozen meanwhile when mounted here; as after a power cut
 * when attached elsewhere, with a warning. Throws EACSEXISTS.
 */
export async function createSnapshot(context: VolumeContext, request: SnapshotRequest): Promise<SnapshotResult> {
  const name = checkSnapshotName(request.name ?? timeName(new Date()))
  const source = await findVolume(context, request.volume)
  if (source.trailer?.snap)
    throw new AcsError('usage', 'EACSSNAPSHOT', `${nameOf(source)} is a snapshot itself`, {
      hints: [`Make a volume of it first: acs volume create NAME --from-snapshot ${printable(source.group.name)}`],
    })
  refuseTrashed(source)
  const groupName = snapshotGroupName(source.group.name, name)
  const text = request.description ?? source.text
  const at = new Date().toISOString()
  const trailer = (frozen: boolean): Trailer => ({
    ...inheritedTrailer(source.trailer),
    snap: { of: source.group.uuid, ofName: source.group.name, name, at, frozen },
  })
  checkRoom(withTrailer({ before: text, after: '' }, trailer(false)))
  return withVolumeLock(context, source.group.uuid, `snapshot ${printable(request.volume)}`, async () => {
    const place = await findPlace(context, groupName, source.group.uuid)
    const there = place.existing
    if (there && !(await isHalfMade(context, there.uuid, source)))
      throw new AcsError('conflict', 'EACSEXISTS', `there is a snapshot "${printable(groupName)}" already`, {
        hints: ['Choose another name, or leave it out to name it by the time'],
        details: { uuid: there.uuid, name: groupName },
      })
    const uuid = there?.uuid ?? place.uuid
    if (request.dryRun)
      return {
        planned: [`clone ${nameOf(source)} to "${printable(groupName)}" (${uuid}), kept detached as a snapshot`],
      }
    const snapshot = await copyVolume(context, {
      source,
      name: groupName,
      uuid,
      intent: 'snapshot',
      text,
      trailer,
      freeze: request.freeze ?? true,
      chap: false,
      ...(request.onTask ? { onTask: request.onTask } : {}),
    })
    return { snapshot }
  })
}

/** Snapshots of one volume, or all there are, oldest first. */
export async function listSnapshots(context: VolumeContext, volume?: string): Promise<Volume[]> {
  const groups = await context.prism.volumeGroups({ deadline: context.deadline })
  if (volume !== undefined) return snapshotsOf(groups, await findVolume(context, volume))
  return groups
    .map(asVolume)
    .filter((group) => group.trailer?.snap)
    .sort((a, b) => (a.trailer?.snap?.at ?? '').localeCompare(b.trailer?.snap?.at ?? ''))
}

/** Deletes a snapshot, for good. The caller asked for confirmation. */
export async function deleteSnapshot(
  context: VolumeContext,
  request: { snapshot: string; dryRun?: boolean },
): Promise<{ snapshot: Volume; planned?: string[] }> {
  const snapshot = await findSnapshot(context, request.snapshot)
  const initiators = initiatorsOf(snapshot)
  const details = { uuid: snapshot.group.uuid }
  if (initiators.length > 0)
    throw new AcsError('conflict', 'EACSATTACHED', `${nameOf(snapshot)} lets ${initiators.join(', ')} in`, {
      hints: [`Take that access away first: acs volume detach ${printable(snapshot.group.name)} --force`],
      details,
    })
  if (snapshot.trailer?.prot)
    throw new AcsError('conflict', 'EACSPROTECTED', `${nameOf(snapshot)} is protected`, {
      hints: [`Take the protection away first: acs volume update ${printable(snapshot.group.name)} --no-protect`],
      details,
    })
  if (request.dryRun) return { snapshot, planned: [`delete volume group ${nameOf(snapshot)} (${snapshot.group.uuid})`] }
  await context.prism.deleteVolumeGroup(snapshot.group, { deadline: context.deadline })
  return { snapshot }
}

/** A name that sorts by time, UTC. */
export function timeName(at: Date): string {
  return at
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')
    .replace('T', '-')
}
