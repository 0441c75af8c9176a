import { randomUUID } from 'node:crypto'
import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import type { CallOptions } from '../prism/prism.js'
import { storedChapSecret } from './chap.js'
import { changeVolume, without } from './change.js'
import { announceStep, note, warn, type VolumeContext } from './context.js'
import { describeCopy, inheritedTrailer } from './copy.js'
import { settleMs } from './create.js'
import { findSnapshot, findVolume } from './find.js'
import { findHere } from './here.js'
import { initiatorsOf } from './holder.js'
import { journaledVolumes, openJournal, readJournal, type Journal, type JournalEntry } from './journal.js'
import { withVolumeLock } from './lock.js'
import { printable, snapshotGroupName } from './names.js'
import { timeName } from './snapshot.js'
import { withTrailer } from './trailer.js'
import { refuseTrashed } from './usable.js'
import { asVolume, nameOf, type Volume } from './volume.js'

export interface RestoreRequest {
  /** `VOLUME@SNAPSHOT` or its UUID. */
  snapshot: string
  dryRun?: boolean
  onTask?: CallOptions['onTask']
}

export interface RestoreResult {
  /** The volume with the snapshot's data; its UUID is new. */
  volume?: Volume
  /** The snapshot that keeps the state from before. */
  kept: string
  planned?: string[]
}

/** What a restore does, as its journal keeps it. */
interface Restore {
  current: Volume
  snapshot: Volume
  name: string
  /** Of the new group. */
  uuid: string
  /** Name the current group gets. */
  keepAs: string
}

/**
 * Puts a snapshot's data in a volume's place, while it is detached: clone the snapshot, rename the current group
 * to `<volume>@pre-restore-<time>`, rename the clone to the volume's name. Nothing is overwritten. Journaled: after a
 * crash the same command goes on. Throws EACSATTACHED.
 */
export async function restoreSnapshot(context: VolumeContext, request: RestoreRequest): Promise<RestoreResult> {
  const snapshot = await findSnapshot(context, request.snapshot)
  const name = snapshot.trailer?.snap?.ofName ?? ''
  const pending = await pendingRestore(context, name, snapshot)
  const current = pending ? await findVolume(context, pending.uuid) : await volumeOf(context, snapshot, name)
  return withVolumeLock(context, current.group.uuid, `restore ${printable(request.snapshot)}`, async () => {
    // Chosen at random: two machines that restore at once must not meet in one group.
    const uuid = pending?.facts.copy?.uuid ?? randomUUID()
    const volumeName = pending?.facts.copy?.name ?? current.group.name
    const keepAs = pending?.facts.keepAs ?? snapshotGroupName(volumeName, `pre-restore-${timeName(new Date())}`)
    const restore: Restore = { current, snapshot, name: volumeName, uuid, keepAs }
    if (!pending) await refuseInUse(context, current)
    if (request.dryRun)
      return {
        kept: keepAs,
        planned: [
          `clone ${nameOf(snapshot)} to a new volume group (${uuid})`,
          `rename the volume group ${nameOf(current)} (${current.group.uuid}) to "${printable(keepAs)}", a snapshot`,
          `rename the clone to "${printable(volumeName)}"`,
        ],
      }
    if (pending) note(context, `going on with the restore of ${printable(volumeName)} that was interrupted`)
    await runRestore(context, restore, request)
    return { volume: await findVolume(context, uuid), kept: keepAs }
  })
}

async function runRestore(context: VolumeContext, restore: Restore, request: RestoreRequest): Promise<void> {
  const { current, snapshot, name, uuid, keepAs } = restore
  const journal = await openJournal(context, current.group, 'restore')
  const at = new Date().toISOString()
  await journal.learn({ copy: { source: snapshot.group.uuid, uuid, name, at }, keepAs })
  try {
    await journal.run('clone-group', () => cloneSnapshot(context, restore, request))
    await journal.run('describe-clone', () => describeRestored(context, restore))
    await journal.run('rename-current', () => renameCurrent(context, restore))
  } catch (error) {
    await takeBack(context, restore, journal, error)
    throw error
  }
  announceStep(context, `giving the restored volume its name, ${printable(name)}`)
  await journal.run('rename-restored', async () => {
    await changeVolume(context, uuid, (volume) => (volume.group.name === name ? undefined : { name }))
  })
  await journal.learn({ copy: undefined, keepAs: undefined })
  await journal.end()
}

async function cloneSnapshot(context: VolumeContext, restore: Restore, request: RestoreRequest): Promise<void> {
  const { snapshot, uuid } = restore
  announceStep(context, `cloning ${nameOf(snapshot)}`)
  const onTask = request.onTask ? { onTask: request.onTask } : {}
  const call = { deadline: context.deadline }
  if (await exists(context, uuid)) return
  await context.prism.cloneVolumeGroup(
    snapshot.group.uuid,
    { name: workingName(restore), uuid },
    { ...call, ...onTask },
  )
  await context.prism.volumeGroup(uuid, { ...call, tolerateNotFoundMs: settleMs })
}

/** The restored volume has the settings of the current one, and the filesystem of the snapshot. */
async function describeRestored(context: VolumeContext, restore: Restore): Promise<void> {
  const { current, snapshot, uuid } = restore
  const { mo, rm, ro, prot, c, hid } = current.trailer ?? {}
  const settings = Object.fromEntries(
    Object.entries({ mo, rm, ro, prot, c, hid }).filter(([, value]) => value !== undefined),
  )
  await describeCopy(
    context,
    {
      source: current,
      name: workingName(restore),
      uuid,
      intent: 'restore',
      text: current.text,
      trailer: () => ({ ...without(inheritedTrailer(snapshot.trailer), 'mo', 'rm', 'ro'), ...settings }),
      freeze: false,
      chap: true,
    },
    false,
  )
}

/** The point of no return: the current group becomes a snapshot, if nobody has attached it meanwhile. */
async function renameCurrent(context: VolumeContext, restore: Restore): Promise<void> {
  const { current, name, uuid, keepAs } = restore
  announceStep(context, `keeping the state before as ${printable(keepAs)}`)
  await changeVolume(context, current.group.uuid, (volume) => {
    if (volume.group.name === keepAs) return undefined
    if (volume.group.name !== name) throw renamed(volume, name)
    if (volume.group.attachments.length > 0) throw attached(volume)
    const snap = {
      of: uuid,
      ofName: name,
      name: keepAs.slice(name.length + 1),
      at: new Date().toISOString(),
      frozen: false,
    }
    const trailer = { ...without(volume.trailer ?? { v: 1 }, 'h', 'q', 'fmt', 'prot'), snap }
    return { name: keepAs, description: withTrailer(volume.description, trailer) }
  })
}

/** Before the point of no return a failed restore leaves nothing behind. */
async function takeBack(context: VolumeContext, restore: Restore, journal: Journal, error: unknown): Promise<void> {
  // A lost answer leaves open what happened: the journal stays, and the same command goes on.
  if (!isAcsError(error) || error.kind === 'timeout' || error.kind === 'interrupted') return
  try {
    const current = await findVolume(context, restore.current.group.uuid)
    if (current.group.name === restore.keepAs) return
    if (await exists(context, restore.uuid)) {
      const { group } = await findVolume(context, restore.uuid)
      await context.prism.deleteVolumeGroup(group, { deadline: context.deadline })
    }
    await journal.learn({ copy: undefined, keepAs: undefined })
    await journal.end()
  } catch (again) {
    warn(context, `could not take back the restore, run the same command again: ${messageOf(again)}`)
  }
}

/** A restore of that volume from that snapshot which a crash left half way. */
async function pendingRestore(
  context: VolumeContext,
  name: string,
  snapshot: Volume,
): Promise<JournalEntry | undefined> {
  for (const uuid of await journaledVolumes(context.stateFolder)) {
    const entry = await readJournal(context.stateFolder, uuid)
    const copy = entry?.facts.copy
    if (entry?.facts.keepAs === undefined || copy?.name !== name) continue
    if (copy.source === snapshot.group.uuid) return entry
    throw new AcsError(
      'conflict',
      'EACSRESTORING',
      `a restore of volume "${printable(name)}" from another snapshot (${copy.source}) was interrupted`,
      { hints: [`Finish that one first: acs volume snapshot restore ${copy.source}`], details: { uuid } },
    )
  }
  return undefined
}

/** The volume a snapshot was taken of: by UUID, or by name after an earlier restore. */
async function volumeOf(context: VolumeContext, snapshot: Volume, name: string): Promise<Volume> {
  const groups = await context.prism.volumeGroups({ deadline: context.deadline })
  const source = groups.find((group) => group.uuid === snapshot.trailer?.snap?.of)
  if (source && !asVolume(source).trailer?.snap) {
    // Restored, it would come back under its name by the way.
    refuseTrashed(asVolume(source))
    return findVolume(context, source.uuid)
  }
  try {
    return await findVolume(context, name)
  } catch (error) {
    if (!isAcsError(error, 'EACSNOTFOUND')) throw error
    throw new AcsError('not-found', 'EACSNOTFOUND', `the volume of ${nameOf(snapshot)} is gone`, {
      hints: [
        `Make a volume of the snapshot: acs volume create ${printable(name)} --from-snapshot ${printable(snapshot.group.name)}`,
      ],
      cause: error,
    })
  }
}

async function refuseInUse(context: VolumeContext, volume: Volume): Promise<void> {
  if (volume.group.attachments.length > 0) throw attached(volume)
  // Fenced but still mounted here: what is in memory would be lost unnoticed.
  const here = await findHere(context, volume)
  if (here?.disk) throw attached(volume)
  if (volume.group.chap && (await storedChapSecret(context.stateFolder, volume.group.uuid)) === undefined)
    warn(context, `this machine does not know the CHAP secret of ${nameOf(volume)}: the restored volume has none`)
}

function renamed(volume: Volume, name: string): AcsError {
  return new AcsError(
    'conflict',
    'EACSCHANGED',
    `volume "${printable(name)}" was renamed to ${nameOf(volume)} meanwhile`,
    {
      hints: ['Perhaps someone else restored it: acs volume list --all'],
      details: { uuid: volume.group.uuid },
    },
  )
}

function attached(volume: Volume): AcsError {
  const who = initiatorsOf(volume).join(', ') || 'this machine'
  return new AcsError(
    'conflict',
    'EACSATTACHED',
    `volume ${nameOf(volume)} is attached (${printable(who)}); a restore needs it detached`,
    {
      hints: [`Unmount and detach it: acs volume unmount ${printable(volume.group.name)}`],
      details: { uuid: volume.group.uuid },
    },
  )
}

async function exists(context: VolumeContext, uuid: string): Promise<boolean> {
  try {
    await context.prism.volumeGroup(uuid, { deadline: context.deadline })
    return true
  } catch (error) {
    if (isAcsError(error, 'EACSNOTFOUND')) return false
    throw error
  }
}

/** Until the names are swapped. */
function workingName({ name, uuid }: Restore): string {
  return `${name.slice(0, 180)}.restoring-${uuid.slice(0, 8)}`
}
