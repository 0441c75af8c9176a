import { AcsError } from '../base/errors.js'
import { changeVolume, withRecord, without } from './change.js'
import { note, warn, type VolumeContext } from './context.js'
import { checkVolumeName, printable } from './names.js'
import { listTrash } from './trash.js'
import { isTrashed, nameOf, type Volume } from './volume.js'

export interface UndeleteRequest {
  /** The name it had, the name it has in the trash, or its UUID. */
  volume: string
  /** Its new name; default the one it had. */
  as?: string
  dryRun?: boolean
}

export interface UndeleteResult {
  volume: Volume
  name: string
  planned?: string[]
}

/**
 * Takes a volume out of the trash: by compare-and-swap it has its name again. Of several that had one name it is the one
 * that went last, which is said. Throws EACSNOTFOUND; EACSEXISTS when the name is taken.
 */
export async function undeleteVolume(context: VolumeContext, request: UndeleteRequest): Promise<UndeleteResult> {
  const trashed = await pick(context, request.volume)
  const { uuid } = trashed.group
  const name = request.as === undefined ? (trashed.trailer?.del?.n ?? '') : checkVolumeName(request.as)
  await refuseTaken(context, name, uuid)
  if (request.dryRun)
    return {
      volume: trashed,
      name,
      planned: [`rename volume group ${nameOf(trashed)} (${uuid}) to "${printable(name)}"`],
    }
  const trashName = trashed.group.name
  const volume = await changeVolume(context, uuid, (now) => {
    if (isTrashed(now)) return { name, description: withRecord(now, (trailer) => without(trailer, 'del')) }
    if (now.group.name === name) return undefined
    throw new AcsError(
      'conflict',
      'EACSCHANGED',
      `volume "${printable(name)}" was taken out of the trash meanwhile, as ${nameOf(now)}`,
    )
  })
  await giveWay(context, volume, trashed, trashName)
  return { volume, name }
}

async function pick(context: VolumeContext, wanted: string): Promise<Volume> {
  const trash = await listTrash(context)
  const exact = trash.find(({ group }) => group.name === wanted || group.uuid === wanted.toLowerCase())
  if (exact) return exact
  const named = trash.filter(({ trailer }) => trailer?.del?.n === wanted)
  const last = named.at(-1)
  if (!last)
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no volume "${printable(wanted)}" in the trash`, {
      hints: ['See what is there: acs volume list --trash'],
      details: { name: wanted },
    })
  if (named.length > 1)
    note(
      context,
      `${named.length} volumes "${printable(wanted)}" are in the trash; this is the one that went last, at ${printable(last.trailer?.del?.at ?? '')}. The others: ${named.slice(0, -1).map(nameOf).join(', ')}`,
    )
  return last
}

async function refuseTaken(context: VolumeContext, name: string, uuid: string): Promise<void> {
  const groups = await context.prism.volumeGroups({ deadline: context.deadline })
  const other = groups.find((group) => group.name === name && group.uuid !== uuid)
  if (other) throw taken(name, other.uuid)
}

/** Names are not unique on every cluster: when another volume took the name in the same moment, this one goes back. */
async function giveWay(context: VolumeContext, volume: Volume, trashed: Volume, trashName: string): Promise<void> {
  try {
    await refuseTaken(context, volume.group.name, volume.group.uuid)
  } catch (error) {
    const del = trashed.trailer?.del
    if (!(error instanceof AcsError) || error.code !== 'EACSEXISTS' || !del) throw error
    await changeVolume(context, volume.group.uuid, (now) =>
      now.group.attachments.length > 0 || isTrashed(now)
        ? undefined
        : { name: trashName, description: withRecord(now, (trailer) => ({ ...trailer, del })) },
    )
    warn(
      context,
      `another volume "${printable(volume.group.name)}" came in the same moment; this one is back in the trash`,
    )
    throw error
  }
}

function taken(name: string, uuid: string): AcsError {
  return new AcsError('conflict', 'EACSEXISTS', `there is another volume "${printable(name)}" now`, {
    hints: ['Give the one from the trash another name: --as NAME'],
    details: { name, uuid },
  })
}
