import { AcsError } from '../base/errors.js'
import { rememberedHolds } from './attach-record.js'
import { note, type VolumeContext } from './context.js'
import { release, revokeAll } from './exclusive.js'
import { findVolume } from './find.js'
import { describeHold, holdOf, initiatorsOf, sameInitiator } from './holder.js'
import { printable } from './names.js'
import { runSession } from './session.js'
import { nameOf, type Volume } from './volume.js'

export interface DetachResult {
  volume: Volume
  changed: boolean
  planned?: string[]
}

/** Detaches the volume from this machine. Throws EACSMOUNTED while it is mounted. Idempotent. */
export async function detachVolume(
  context: VolumeContext,
  request: { volume: string; dryRun?: boolean },
): Promise<DetachResult> {
  const result = await runSession(context, {
    volume: request.volume,
    intent: 'detach',
    desired: { state: 'detached', unmount: false },
    ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
  })
  const changed = result.done.length > 0
  const { hold } = result.work.finding
  if (!changed && !result.planned) {
    const who = hold.kind === 'free' || hold.kind === 'mine' ? '' : `; it is held by ${describeHold(hold)}`
    note(context, `volume ${nameOf(result.volume)} is not attached to this machine${who}`)
  }
  return { volume: result.volume, changed, ...(result.planned ? { planned: result.planned } : {}) }
}

/**
 * Takes access away from one initiator, or from everyone: for a machine that is off or gone. What that machine
 * still has in memory for the volume is lost. The caller asked for confirmation.
 */
export async function forceDetach(
  context: VolumeContext,
  request: { volume: string; initiator?: string; dryRun?: boolean },
): Promise<DetachResult> {
  const before = await findVolume(context, request.volume)
  const { uuid } = before.group
  const { initiator } = request
  const allowed = initiatorsOf(before)
  if (initiator !== undefined && !allowed.some((other) => sameInitiator(other, initiator))) {
    note(context, `volume ${nameOf(before)} does not let ${printable(initiator)} in`)
    return { volume: before, changed: false, ...(request.dryRun ? { planned: [] } : {}) }
  }
  await refuseWhileHere(context, before, initiator)
  const affected = initiator === undefined ? allowed : [initiator]
  if (request.dryRun)
    return {
      volume: before,
      changed: false,
      planned: affected.map((other) => `take ${printable(other)} off the initiators of volume ${nameOf(before)}`),
    }
  if (affected.length === 0) note(context, `volume ${nameOf(before)} lets nobody in`)
  const volume = initiator === undefined ? await revokeAll(context, uuid) : await release(context, uuid, initiator)
  return { volume, changed: affected.length > 0 }
}

/** This machine's own access goes the orderly way, by unmount and detach. */
async function refuseWhileHere(context: VolumeContext, volume: Volume, initiator: string | undefined): Promise<void> {
  const [first] = await context.host.initiator(context.initiator ?? 'auto', context.deadline).then(
    async (mine) => [{ name: await mine.name(), attached: await mine.attached(context.deadline) }],
    // No initiator works here: then nothing is attached here.
    () => [],
  )
  if (!first || (initiator !== undefined && !sameInitiator(initiator, first.name))) return
  const { hostName, bootId } = await context.host.identity()
  const remembered = await rememberedHolds(context.stateFolder, volume.group.uuid)
  const hold = holdOf(volume, { hostName, bootId, initiatorName: first.name }, remembered)
  if (hold.kind !== 'mine' && hold.kind !== 'reading') return
  throw new AcsError('conflict', 'EACSATTACHED', `volume ${nameOf(volume)} is held by this machine itself`, {
    hints: [`Detach it in order: acs volume unmount ${printable(volume.group.name)}`],
    details: { uuid: volume.group.uuid },
  })
}
