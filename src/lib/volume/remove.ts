import { AcsError } from '../base/errors.js'
import { changeVolume, withRecord } from './change.js'
import { note, type VolumeContext } from './context.js'
import { deleteVolume, refuseAttached, refuseHere } from './delete.js'
import { findVolume, renamed } from './find.js'
import type { RemovePolicy } from './trailer.js'
import { trashVolume } from './trash.js'
import { refuseUnusable } from './usable.js'
import { isOurs, nameOf, type Volume } from './volume.js'

export interface RemoveRequest {
  volume: string
  /** The name it must have, where it was chosen by that and not just now. Throws EACSRENAMED. */
  name?: string
  /** Where the volume itself has none. Default `trash`. */
  policy?: RemovePolicy
  /** How long the trash keeps it; default seven days. */
  keepMs?: number
}

export interface RemoveResult {
  outcome: 'trashed' | 'deleted' | 'retained'
  /** As it is, or was. */
  volume: Volume
}

/**
 * `docker volume rm`: by the volume's own policy, else the one given. What acs did not make is always retained: it is
 * marked so that Docker does not see it, until a Create of its name takes it up again. Nothing happens while it is
 * attached anywhere. Throws EACSNOTFOUND, EACSATTACHED, EACSPROTECTED (not when retained), EACSHASSNAPSHOTS (when deleted).
 */
export async function removeVolume(context: VolumeContext, request: RemoveRequest): Promise<RemoveResult> {
  const volume = await findVolume(context, request.volume)
  if (request.name !== undefined && volume.group.name !== request.name) throw renamed(request.name, volume)
  refuseUnusable(volume)
  const { uuid } = volume.group
  const policy = isOurs(volume) ? (volume.trailer?.rm ?? request.policy ?? 'trash') : 'retain'
  switch (policy) {
    case 'retain':
      return { outcome: 'retained', volume: await hideVolume(context, volume) }
    case 'trash': {
      const keep = request.keepMs === undefined ? {} : { keepMs: request.keepMs }
      const trashed = await trashVolume(context, { volume: uuid, ...keep })
      return { outcome: 'trashed', volume: trashed.volume }
    }
    case 'delete':
      await deleteVolume(context, { volume: uuid })
      return { outcome: 'deleted', volume }
  }
}

/** Marks it as kept; another host may use it under Docker, so it is refused while attached. */
async function hideVolume(context: VolumeContext, before: Volume): Promise<Volume> {
  await refuseHere(context, before)
  const volume = await changeVolume(context, before.group.uuid, (now) => {
    refuseAttached(now)
    if (now.group.name !== before.group.name)
      throw new AcsError('conflict', 'EACSCHANGED', `volume ${nameOf(before)} was renamed to ${nameOf(now)} meanwhile`)
    return now.trailer?.hid ? undefined : { description: withRecord(now, (trailer) => ({ ...trailer, hid: true })) }
  })
  note(context, `volume ${nameOf(before)} is kept; Docker sees it again when it is created under that name`)
  return volume
}
