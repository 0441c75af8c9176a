import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import { announceStep, warn, type VolumeContext } from './context.js'
import { forgetVolume } from './delete.js'
import { describeHold, holdOf } from './holder.js'
import { snapshotsOf } from './find.js'
import { trashAmong } from './trash.js'
import { asVolume, isTrashed, nameOf, sizeOf, type Volume } from './volume.js'

export interface PruneRequest {
  /** Also what has not had its time. */
  all?: boolean
  /** Instead of each volume's own time: what went there longer ago than that. */
  olderThanMs?: number
  /** Their snapshots too; without it, a volume that has some stays. */
  withSnapshots?: boolean
  /** Only of these, by UUID: what was confirmed. */
  only?: readonly string[]
  dryRun?: boolean
  now?: Date
}

export interface PruneResult {
  /** With `dryRun`: that would be. */
  deleted: Volume[]
  /** Due, and still there: why, in words. */
  kept: { volume: Volume; why: string }[]
  planned?: string[]
}

const parallel = 4
const staleAttempts = 5

/**
 * Deletes what is in the trash and has had its time, for good. The caller asked for confirmation. One that cannot
 * be deleted keeps no other from it; then throws EACSPRUNE (partial) with what was deleted in its details.
 */
export async function pruneTrash(context: VolumeContext, request: PruneRequest = {}): Promise<PruneResult> {
  const { now = new Date() } = request
  const groups = await context.prism.volumeGroups({ deadline: context.deadline })
  const due = trashAmong(groups).filter((volume) => isDue(volume, request, now))
  const snapshots = new Map(due.map((volume) => [volume, snapshotsOf(groups, volume)]))
  const kept = due.flatMap((volume) => {
    const why = whyKept(volume, request.withSnapshots ? [] : (snapshots.get(volume) ?? []))
    return why === undefined ? [] : [{ volume, why }]
  })
  const victims = due.filter((volume) => kept.every((other) => other.volume !== volume))
  if (request.dryRun)
    return {
      deleted: victims,
      kept,
      planned: victims
        .flatMap((volume) => [...(snapshots.get(volume) ?? []), volume])
        .map(
          (volume) =>
            `delete volume group ${nameOf(volume)} (${volume.group.uuid}, ${formatSize(sizeOf(volume.group))})`,
        ),
    }
  for (const { volume, why } of kept) warn(context, `${nameOf(volume)} stays in the trash: ${why}`)
  const deleted: Volume[] = []
  const failed: { volume: Volume; error: unknown }[] = []
  const queue = [...victims]
  const worker = async (): Promise<void> => {
    for (let volume = queue.shift(); volume; volume = queue.shift()) {
      try {
        announceStep(context, `deleting ${nameOf(volume)}`)
        for (const snapshot of snapshots.get(volume) ?? []) await deleteGroup(context, snapshot)
        await deleteGroup(context, volume)
        deleted.push(volume)
      } catch (error) {
        if (isAcsError(error) && error.kind === 'interrupted') throw error
        failed.push({ volume, error })
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  if (failed.length > 0) throw partly(deleted, failed)
  return { deleted, kept }
}

function isDue({ group, trailer }: Volume, request: PruneRequest, now: Date): boolean {
  if (request.only && !request.only.includes(group.uuid)) return false
  if (request.all) return true
  const { at = '', until = '' } = trailer?.del ?? {}
  // A time that cannot be read never comes.
  if (request.olderThanMs !== undefined) return Date.parse(at) + request.olderThanMs <= now.getTime()
  return Date.parse(until) <= now.getTime()
}

function whyKept(volume: Volume, snapshots: readonly Volume[]): string | undefined {
  if (volume.trailer?.prot) return 'it is protected'
  if (volume.group.attachments.length > 0)
    return `it is attached: held by ${describeHold(holdOf(volume, { hostName: '', bootId: '', initiatorName: '' }))}`
  if (snapshots.length === 0) return undefined
  return `it has ${snapshots.length} snapshot${snapshots.length === 1 ? '' : 's'} (${snapshots.map(nameOf).join(', ')})`
}

/** Deletes it as it is now, if it still is what it was. Gone is fine. */
async function deleteGroup(context: VolumeContext, before: Volume): Promise<void> {
  const call = { deadline: context.deadline }
  const { uuid } = before.group
  for (let attempt = 1; ; attempt += 1) {
    try {
      const now = asVolume(await context.prism.volumeGroup(uuid, call))
      if (isTrashed(now) !== isTrashed(before) || now.group.name !== before.group.name)
        throw new AcsError(
          'conflict',
          'EACSCHANGED',
          `${nameOf(before)} is ${nameOf(now)} meanwhile, and not in the trash`,
        )
      const why = whyKept(now, [])
      if (why !== undefined)
        throw new AcsError('conflict', 'EACSCHANGED', `${nameOf(now)} was changed meanwhile: ${why}`)
      await context.prism.deleteVolumeGroup(now.group, call)
      await forgetVolume(context, uuid)
      return
    } catch (error) {
      if (isAcsError(error, 'EACSNOTFOUND')) return
      if (!isAcsError(error, 'EACSSTALE') || attempt >= staleAttempts) throw error
    }
  }
}

function partly(deleted: readonly Volume[], failed: readonly { volume: Volume; error: unknown }[]): AcsError {
  const words = failed.map(({ volume, error }) => `${nameOf(volume)}: ${messageOf(error)}`)
  return new AcsError(
    'partial',
    'EACSPRUNE',
    `${deleted.length} of ${deleted.length + failed.length} volumes were deleted from the trash; not ${words.join('; ')}`,
    {
      hints: ['Try the rest again: acs volume prune'],
      details: {
        deleted: deleted.map(({ group }) => group.name),
        failed: failed.map(({ volume }) => volume.group.name),
      },
      cause: failed[0]?.error,
    },
  )
}
