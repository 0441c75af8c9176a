import { AcsError, isAcsError } from '../base/errors.js'
import type { VolumeGroupChange } from '../prism/prism.js'
import { forgetHold, rememberedHolds, rememberHold } from './attach-record.js'
import { changeVolume, without, withRecord } from './change.js'
import type { Me, VolumeContext } from './context.js'
import { heldElsewhere, holdOf, initiatorsOf, readersSince, sameInitiator } from './holder.js'
import type { Holder } from './trailer.js'
import { refuseUnusable } from './usable.js'
import { headOf, nameOf, type Volume } from './volume.js'

/**
 * Makes this machine the only one that may write to the volume: one compare-and-swap sets the list of
 * allowed initiators and the holder record together. Idempotent. Throws EACSHELD.
 *
 * @param purpose `read`: to open it for readers, see readers.ts; it must be a read-only volume then.
 * @param seen as for `changeVolume`
 */
export async function claim(
  context: VolumeContext,
  uuid: string,
  me: Me,
  purpose: 'write' | 'read' = 'write',
  seen?: Volume,
): Promise<Volume> {
  const remembered = await rememberedHolds(context.stateFolder, uuid)
  const holder = holderRecord(me, context.pluginAddress)
  // The copy comes first: a crash right after the swap must find it.
  await rememberHold(context.stateFolder, uuid, holder)
  const decide = (volume: Volume): VolumeGroupChange | undefined => {
    const hold = holdOf(volume, me, remembered)
    if (hold.kind === 'mine' && hold.opening === (purpose === 'read')) return undefined
    refuseUnusable(volume)
    if (purpose === 'read' && !volume.trailer?.ro)
      throw new AcsError('conflict', 'EACSCHANGED', `volume ${nameOf(volume)} is not read-only any more`)
    if (hold.kind !== 'free' && hold.kind !== 'restarted' && hold.kind !== 'mine') throw heldElsewhere(volume, hold, me)
    return {
      allowedInitiators: [{ clientAddress: me.initiatorName }],
      description: describeWith(volume, holder, purpose),
    }
  }
  try {
    return await changeVolume(context, uuid, decide, seen)
  } catch (error) {
    if (isAcsError(error, 'EACSHELD')) await forgetHold(context.stateFolder, uuid, holder)
    throw error
  }
}

/** Lets this machine in beside others: no protection against two writers. Idempotent. */
export async function share(context: VolumeContext, uuid: string, me: Me): Promise<Volume> {
  const call = { deadline: context.deadline }
  await rememberHold(context.stateFolder, uuid, holderRecord(me, context.pluginAddress))
  const volume = await endReading(context, uuid)
  refuseUnusable(volume)
  if (!initiatorsOf(volume).some((initiator) => sameInitiator(initiator, me.initiatorName)))
    await context.prism.allowInitiator(uuid, { clientAddress: me.initiatorName }, call)
  return changeVolume(context, uuid, () => undefined)
}

/** Where anyone is let in without protection, nobody counts as a mere reader any more. */
export async function endReading(context: VolumeContext, uuid: string): Promise<Volume> {
  return changeVolume(context, uuid, (volume) =>
    readersSince(volume) === undefined
      ? undefined
      : { description: withRecord(volume, (trailer) => without(trailer, 'rd')) },
  )
}

/** Who an initiator acts for, when access is given to it by name. */
export interface Grant {
  initiator: string
  /** Name shown as the holder; default the initiator's. */
  holderName?: string
}

/** Gives the volume to an initiator alone. Idempotent. Throws EACSHELD when anyone else is allowed in. */
export async function grant(context: VolumeContext, uuid: string, to: Grant): Promise<Volume> {
  const holder: Holder = { n: to.holderName ?? to.initiator, i: to.initiator, s: new Date().toISOString() }
  return changeVolume(context, uuid, (volume) => {
    refuseUnusable(volume)
    const initiators = initiatorsOf(volume)
    const [only] = initiators
    if (initiators.length === 1 && sameInitiator(only, to.initiator) && readersSince(volume) === undefined)
      return undefined
    const hold = holdOf(volume, { hostName: holder.n, bootId: '', initiatorName: to.initiator })
    if (hold.kind !== 'free')
      throw heldElsewhere(volume, hold, { hostName: holder.n, bootId: '', initiatorName: to.initiator })
    return { allowedInitiators: [{ clientAddress: to.initiator }], description: describeWith(volume, holder, 'write') }
  })
}

/**
 * Takes everyone off the list and sees that they are: a fenced machine's I/O fails before anyone else may
 * log in. Throws EACSHELD while a virtual machine is attached.
 * `still`: asked at the moment of the change; when it says no, nothing is changed.
 */
export async function revokeAll(
  context: VolumeContext,
  uuid: string,
  still: (volume: Volume) => boolean = () => true,
): Promise<Volume> {
  const nobody: Me = { hostName: '', bootId: '', initiatorName: '' }
  let spared = false as boolean
  const seen = await changeVolume(context, uuid, (volume) => {
    spared = !still(volume)
    if (spared) return undefined
    const hold = holdOf(volume, nobody)
    if (hold.kind === 'vm') throw heldElsewhere(volume, hold, nobody)
    if (hold.kind === 'free' && !volume.trailer?.h && volume.trailer?.rd === undefined) return undefined
    return { allowedInitiators: [], ...describeWithout(volume) }
  })
  if (spared) return seen
  const after = await changeVolume(context, uuid, () => undefined)
  const left = initiatorsOf(after)
  if (left.length > 0)
    throw new AcsError(
      'conflict',
      'EACSREVOKE',
      `volume ${nameOf(after)} still allows ${left.join(', ')} after all access was revoked`,
      {
        hints: ['Someone gave access meanwhile; look: acs volume explain ' + after.group.name],
        details: { uuid, initiators: left },
      },
    )
  return after
}

/**
 * Takes one initiator off the list, and the holder record when it is that initiator's. Idempotent.
 * `still`: asked at the moment of the change; when it says no, nothing is changed.
 */
export async function release(
  context: VolumeContext,
  uuid: string,
  initiator: string,
  still: (volume: Volume) => boolean = () => true,
): Promise<Volume> {
  const isHolder = (volume: Volume): boolean => sameInitiator(volume.trailer?.h?.i, initiator)
  const isAllowed = (volume: Volume): boolean => initiatorsOf(volume).some((other) => sameInitiator(other, initiator))
  let released = await changeVolume(context, uuid, (volume) => {
    if (!still(volume)) return undefined
    // One change for who reads and that they only read: two that go at once must not leave the mark behind.
    if (isAllowed(volume) && readersSince(volume) !== undefined && !volume.trailer?.h)
      return withoutReader(volume, initiator)
    const count = initiatorsOf(volume).length
    if (count === 1 && isAllowed(volume))
      return { allowedInitiators: [], ...(isHolder(volume) ? describeWithout(volume) : {}) }
    return isHolder(volume) && !isAllowed(volume) ? describeWithout(volume) : undefined
  })
  if (isAllowed(released) && still(released)) {
    // Others are allowed in too, perhaps with secrets the list does not show: only this one is closed.
    await context.prism.revokeInitiator(uuid, initiator, { deadline: context.deadline })
    released = await changeVolume(context, uuid, (volume) => (isHolder(volume) ? describeWithout(volume) : undefined))
  }
  return released
}

export function holderRecord(me: Me, pluginAddress: string | undefined): Holder {
  return {
    n: me.hostName,
    i: me.initiatorName,
    b: me.bootId,
    ...(pluginAddress === undefined ? {} : { a: pluginAddress }),
    s: new Date().toISOString(),
  }
}

// Whoever asked the holder for the volume asked that holder: a request ends with the hold.

function describeWith(volume: Volume, holder: Holder, purpose: 'write' | 'read'): string {
  const rd = purpose === 'read' ? { rd: `${headOf(volume.group.uuid)}-${holder.s}` } : {}
  return withRecord(volume, (trailer) => ({ ...without(trailer, 'rd', 'q'), h: holder, ...rd }))
}

/** What is left of the readers without one; the last takes the mark along. */
function withoutReader(volume: Volume, initiator: string): VolumeGroupChange {
  const left = initiatorsOf(volume).filter((other) => !sameInitiator(other, initiator))
  return {
    allowedInitiators: left.map((clientAddress) => ({ clientAddress })),
    ...(left.length > 0 ? {} : describeWithout(volume)),
  }
}

function describeWithout(volume: Volume): { description?: string } {
  const { h, rd, q } = volume.trailer ?? {}
  if (h === undefined && rd === undefined && q === undefined) return {}
  return { description: withRecord(volume, (trailer) => without(trailer, 'h', 'rd', 'q')) }
}
