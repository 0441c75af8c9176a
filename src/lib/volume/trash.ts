import { AcsError } from '../base/errors.js'
import type { VolumeGroup } from '../prism/prism.js'
import { changeVolume, withRecord, without } from './change.js'
import type { VolumeContext } from './context.js'
import { checkRemovable, foreign, refuseHere } from './delete.js'
import { findVolume } from './find.js'
import { printable } from './names.js'
import { timeName } from './snapshot.js'
import { refuseTrashed } from './usable.js'
import { asVolume, headOf, isOurs, isTrashed, nameOf, type Volume } from './volume.js'

/** How long a volume stays in the trash when nobody says otherwise. */
export const defaultKeepMs = 7 * 86_400_000

/** Prism v3 documents 256 characters for a group's name. */
const longestName = 256

export interface TrashRequest {
  volume: string
  /** Default seven days. */
  keepMs?: number
  dryRun?: boolean
}

export interface TrashResult {
  volume: Volume
  /** Name it had; the group has another one now. */
  name: string
  until: Date
  planned?: string[]
}

/**
 * Puts a volume in the trash: one compare-and-swap renames its group to `<name>.trash-<time>-<head of the UUID>` and
 * marks it, so the name is free again and nothing of its data is touched. Its snapshots stay as they are.
 * Throws what keeps a volume from being deleted, except that it has snapshots: EACSATTACHED, EACSPROTECTED, EACSFOREIGN,
 * EACSSNAPSHOT; and EACSTRASHED when it is there already.
 */
export async function trashVolume(context: VolumeContext, request: TrashRequest): Promise<TrashResult> {
  const before = await findVolume(context, request.volume)
  const { name, uuid } = before.group
  refuseTrashed(before)
  checkRemovable(before)
  if (!isOurs(before)) throw foreign(before, ['Only what acs made goes to the trash'])
  await refuseHere(context, before)
  const at = new Date()
  const until = new Date(at.getTime() + (request.keepMs ?? defaultKeepMs))
  const trashName = trashNameOf(before, at)
  if (request.dryRun)
    return {
      volume: before,
      name,
      until,
      planned: [
        `rename volume group ${nameOf(before)} (${uuid}) to "${printable(trashName)}" and keep it until ${until.toISOString()}`,
      ],
    }
  const volume = await changeVolume(context, uuid, (now) => {
    if (isTrashed(now)) {
      // A lost answer to our own change reads like this; anyone else's has another time.
      if (now.trailer?.del?.at === at.toISOString()) return undefined
      throw new AcsError('conflict', 'EACSCHANGED', `volume "${printable(name)}" went to the trash meanwhile`)
    }
    if (now.group.name !== name)
      throw new AcsError(
        'conflict',
        'EACSCHANGED',
        `volume "${printable(name)}" was renamed to ${nameOf(now)} meanwhile`,
      )
    checkRemovable(now)
    const del = { g: headOf(uuid), n: name, at: at.toISOString(), until: until.toISOString() }
    return {
      name: trashName,
      description: withRecord(now, (trailer) => ({ ...without(trailer, 'h', 'rd', 'q', 'hid'), del })),
    }
  })
  return { volume, name, until }
}

/** What is in the trash, oldest first. */
export async function listTrash(context: VolumeContext): Promise<Volume[]> {
  return trashAmong(await context.prism.volumeGroups({ deadline: context.deadline }))
}

/** Those of the groups that are in the trash, oldest first. */
export function trashAmong(groups: readonly VolumeGroup[]): Volume[] {
  return groups
    .map(asVolume)
    .filter(isTrashed)
    .sort((a, b) => (a.trailer?.del?.at ?? '').localeCompare(b.trailer?.del?.at ?? ''))
}

function trashNameOf({ group }: Volume, at: Date): string {
  // Two of one name may go in one second, and still are two groups with two names.
  const ending = `.trash-${timeName(at)}-${group.uuid.slice(0, 4)}`
  return group.name.slice(0, longestName - ending.length) + ending
}
