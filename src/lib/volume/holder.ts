import { AcsError } from '../base/errors.js'
import type { Attachment } from '../prism/prism.js'
import type { Me } from './context.js'
import { printable } from './names.js'
import type { Holder } from './trailer.js'
import { headOf, nameOf, type Volume } from './volume.js'

/**
 * Who may write to a volume, read from the cluster. The list of allowed initiators is the truth: only who is
 * on it can do I/O. The record says which machine that is, as two machines can share an initiator name.
 */
export type Hold =
  | { kind: 'free' }
  /** This machine, since this boot. `opening`: only until it has let other readers in, see readers.ts. */
  | { kind: 'mine'; holder: Holder; opening: boolean }
  /** This machine, before it restarted; proven by its own copy of the record. */
  | { kind: 'restarted'; holder: Holder }
  /** This machine's name and initiator, another boot, and no copy here: probably a clone of that machine. */
  | { kind: 'lookalike'; holder: Holder }
  /** This machine, by its own copy of the record, and not exclusively. */
  | { kind: 'shared'; holder?: Holder; initiators: string[] }
  /** Someone else, or someone who only looks like this machine. */
  | { kind: 'other'; holder?: Holder; initiators: string[] }
  /** This machine, and perhaps others, all of which only read. */
  | { kind: 'reading'; since: string; initiators: string[] }
  /** Others, all of which only read. */
  | { kind: 'readers'; since: string; initiators: string[] }
  | { kind: 'vm'; vmUuids: string[] }

/** @param remembered this machine's copies of holder records, see `rememberedHolds`. */
export function holdOf(volume: Volume, me: Me, remembered: readonly Holder[] = []): Hold {
  const { attachments } = volume.group
  const vmUuids = attachments.flatMap((attachment) => attachment.vmUuid ?? [])
  if (vmUuids.length > 0) return { kind: 'vm', vmUuids }
  const initiators = initiatorsOf(volume)
  if (initiators.length === 0) return { kind: 'free' }
  const holder = volume.trailer?.h
  const named = { initiators, ...(holder ? { holder } : {}) }
  const since = readersSince(volume)
  if (since !== undefined && !holder && attachments.every(isNamed)) {
    if (!initiators.some((initiator) => sameInitiator(initiator, me.initiatorName)))
      return { kind: 'readers', since, initiators }
    // Of any boot: a reader that restarted has lost nothing.
    const ours = remembered.some((copy) => sameInitiator(copy.i, me.initiatorName))
    return ours ? { kind: 'reading', since, initiators } : { kind: 'other', initiators }
  }
  if (!initiators.some((initiator) => sameInitiator(initiator, me.initiatorName))) return { kind: 'other', ...named }

  const alone = initiators.length === 1
  if (alone && holder && sameInitiator(holder.i, me.initiatorName)) {
    const ours = remembered.some((copy) => copy.b === holder.b && copy.s === holder.s && copy.i === holder.i)
    const sameBoot = holder.b === me.bootId
    // A machine may be given another name while it runs (DHCP, hostnamectl): then its copy says that it still is the holder.
    if (holder.b === undefined || (holder.n !== me.hostName && !(sameBoot && ours))) return { kind: 'other', ...named }
    if (sameBoot) return { kind: 'mine', holder, opening: since !== undefined }
    return { kind: ours ? 'restarted' : 'lookalike', holder }
  }
  const ours = remembered.some((copy) => copy.b === me.bootId && sameInitiator(copy.i, me.initiatorName))
  return { kind: ours ? 'shared' : 'other', ...named }
}

/**
 * Since when whoever is allowed in only reads; undefined where somebody may write. A mark that the cluster copied
 * from another group says nothing.
 */
export function readersSince({ group, trailer }: Volume): string | undefined {
  const head = `${headOf(group.uuid)}-`
  return trailer?.rd?.startsWith(head) ? trailer.rd.slice(head.length) : undefined
}

/** IQNs and addresses that may log in. */
export function initiatorsOf(volume: Volume): string[] {
  return volume.group.attachments.flatMap((attachment) => addressOf(attachment) ?? [])
}

function isNamed({ initiatorName, initiatorAddress }: Attachment): boolean {
  return (initiatorName ?? initiatorAddress) !== undefined
}

function addressOf(attachment: Attachment): string | undefined {
  if (attachment.vmUuid !== undefined) return undefined
  return attachment.initiatorName ?? attachment.initiatorAddress ?? attachment.clientUuid ?? 'an unnamed initiator'
}

/** iSCSI names are compared without case (RFC 7143 4.2.7.2). */
export function sameInitiator(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase()
}

/** The record of who is allowed in now, when it is among them. */
export function currentHolder(volume: Volume): Holder | undefined {
  const holder = volume.trailer?.h
  return holder && initiatorsOf(volume).some((initiator) => sameInitiator(initiator, holder.i)) ? holder : undefined
}

/** `host1 (iqn...) since 2026-01-02T03:04:05Z`, or the initiators when no record says more. */
export function describeHold(hold: Hold): string {
  switch (hold.kind) {
    case 'free':
      return 'nobody'
    case 'vm':
      return `virtual machine ${hold.vmUuids.join(', ')}`
    case 'mine':
    case 'restarted':
    case 'lookalike':
      return describeHolder(hold.holder)
    case 'reading':
    case 'readers': {
      const names = hold.initiators.map((initiator) => printable(initiator)).join(', ')
      return `${hold.initiators.length === 1 ? 'reader' : 'readers'} ${names} since ${printable(hold.since)}`
    }
    case 'shared':
    case 'other': {
      const { holder, initiators } = hold
      const others = initiators.filter((initiator) => holder === undefined || !sameInitiator(initiator, holder.i))
      const named = holder && others.length < initiators.length ? [describeHolder(holder)] : []
      return [...named, ...others.map((initiator) => `initiator ${printable(initiator)}`)].join(' and ')
    }
  }
}

function describeHolder(holder: Holder): string {
  const host =
    holder.n === holder.i ? `initiator ${printable(holder.i)}` : `${printable(holder.n)} (${printable(holder.i)})`
  return `${host} since ${printable(holder.s)}`
}

/** EACSHELD: someone else may write to the volume. Names the holder, the initiator and since when. */
export function heldElsewhere(volume: Volume, hold: Exclude<Hold, { kind: 'free' }>, me: Me): AcsError {
  const details: Record<string, unknown> = { uuid: volume.group.uuid, name: volume.group.name }
  const target = printable(volume.group.name)
  if (hold.kind === 'vm') {
    return new AcsError('conflict', 'EACSHELD', `volume ${nameOf(volume)} is attached to ${describeHold(hold)}`, {
      hints: ['Detach it from the virtual machine in Prism first'],
      details: { ...details, vmUuids: hold.vmUuids },
    })
  }
  const holder = 'holder' in hold ? hold.holder : undefined
  const initiators = 'initiators' in hold ? hold.initiators : [hold.holder.i]
  return new AcsError(
    'conflict',
    'EACSHELD',
    `volume ${nameOf(volume)} is held by ${describeHold(hold)}${why(hold, me)}`,
    {
      hints: [
        `See who has it and what to do: acs volume explain ${target}`,
        `When that machine is off or gone: acs volume attach ${target} --take-over`,
      ],
      details: {
        ...details,
        ...(holder ? { holder: holder.n, initiator: holder.i, since: holder.s } : { initiator: initiators[0] }),
        initiators,
        // The first reader lets others in as soon as it has mounted it.
        ...(holder && readersSince(volume) !== undefined ? { again: true } : {}),
      },
    },
  )
}

/** What makes a hold that looks like this machine's own not ours. */
function why(hold: Hold, me: Me): string {
  if (hold.kind === 'lookalike')
    return ', in an earlier boot that this machine has no record of: it may be a clone of that machine'
  if (hold.kind !== 'other' || !hold.initiators.some((initiator) => sameInitiator(initiator, me.initiatorName)))
    return ''
  if (!hold.holder) return ', which is also the initiator name of this machine, but acs did not attach it'
  if (hold.holder.n !== me.hostName && sameInitiator(hold.holder.i, me.initiatorName))
    return `; this machine, ${printable(me.hostName)}, has the same initiator name, as cloned machines do`
  return ''
}
