import { AcsError, isAcsError } from '../base/errors.js'
import { forgetHold, rememberedHolds, rememberHold } from './attach-record.js'
import { changeVolume, without, withRecord } from './change.js'
import type { Me, VolumeContext } from './context.js'
import { claim, holderRecord } from './exclusive.js'
import { heldElsewhere, holdOf, initiatorsOf } from './holder.js'
import { nameOf, type Volume } from './volume.js'

/**
 * Many machines read one volume, and nobody writes. The record says that whoever is allowed in only reads (`rd`), and no
 * holder. Two rules keep it true, each by compare-and-swap of the record together with the list of initiators:
 *
 * - A reader joins only where `rd` is and no holder, so nobody's writer is joined; a writer claims only where nobody is
 *   let in, so no reader is written under.
 * - The first reader holds the volume exclusively for a while (`rd` with a holder): the kernel replays the journal of a
 *   filesystem that was not unmounted in order, which writes. Then it lets the others in. All of their mounts, and its own,
 *   skip the journal, so that none writes.
 */
export async function claimForReaders(context: VolumeContext, uuid: string, me: Me): Promise<Volume> {
  return claim(context, uuid, me, 'read')
}

/** Lets other readers in: this machine has it mounted read-only and is one of them from now on. Idempotent. */
export async function admitReaders(context: VolumeContext, uuid: string, me: Me): Promise<Volume> {
  const remembered = await rememberedHolds(context.stateFolder, uuid)
  return changeVolume(context, uuid, (volume) => {
    const hold = holdOf(volume, me, remembered)
    if (hold.kind === 'reading') return undefined
    if (hold.kind !== 'mine' || !hold.opening || !volume.trailer?.ro) throw changed(volume)
    return { description: withRecord(volume, (trailer) => without(trailer, 'h', 'q')) }
  })
}

/** Lets this machine read beside others that do. Idempotent. Throws EACSHELD when anyone may write. */
export async function joinReaders(context: VolumeContext, uuid: string, me: Me): Promise<Volume> {
  const remembered = await rememberedHolds(context.stateFolder, uuid)
  const record = holderRecord(me, context.pluginAddress)
  // The copy comes first, as for a claim: it tells this machine from a clone of it with the same initiator.
  await rememberHold(context.stateFolder, uuid, record)
  try {
    return await changeVolume(context, uuid, (volume) => {
      const hold = holdOf(volume, me, remembered)
      if (hold.kind === 'reading') return undefined
      // The last one went meanwhile: whoever comes next is a first reader again.
      if (hold.kind === 'free') throw changed(volume)
      if (hold.kind !== 'readers' || !volume.trailer?.ro) throw heldElsewhere(volume, hold, me)
      const allowed = [...initiatorsOf(volume), me.initiatorName]
      return { allowedInitiators: allowed.map((clientAddress) => ({ clientAddress })) }
    })
  } catch (error) {
    if (isAcsError(error) && error.kind === 'conflict') await forgetHold(context.stateFolder, uuid, record)
    throw error
  }
}

function changed(volume: Volume): AcsError {
  return new AcsError('conflict', 'EACSCHANGED', `who may use volume ${nameOf(volume)} changed meanwhile`, {
    hints: [`Look: acs volume explain ${volume.group.name}`],
    details: { uuid: volume.group.uuid, again: true },
  })
}
