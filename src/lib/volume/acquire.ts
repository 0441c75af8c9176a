import { deadlineIn, type Deadline } from '../base/deadline.js'
import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { rememberedHolds } from './attach-record.js'
import { announceStep, warn, type Me, type VolumeContext } from './context.js'
import { revokeAll } from './exclusive.js'
import { startAsking, type Asking } from './hand-over-request.js'
import { heldElsewhere, holdOf, initiatorsOf, sameInitiator, type Hold } from './holder.js'
import { createSilences, type Silences } from './silences.js'
import { decide, reserveMs, type Heard, type ReleaseAnswer, type TakeOverPolicy } from './take-over-policy.js'
import type { Holder } from './trailer.js'
import { nameOf, type Volume } from './volume.js'

/**
 * Asks the plugin at a holder's address (`a` of its record) for a volume. What it throws says what that means:
 * EACSPEERSILENT nobody answered, EACSPEERUNTRUSTED somebody else did, any other AcsError nothing of the kind.
 */
export type Ask = (question: {
  address: string
  volume: { uuid: string; name: string }
  deadline: Deadline
}) => Promise<ReleaseAnswer>

export interface AcquireRequest {
  uuid: string
  me: Me
  /** Of the certificate this machine asks with. */
  fingerprint: string
  policy: TakeOverPolicy
  delayMs: number
  ask: Ask
  /** Remembers silence from call to call; default for this call only. */
  silences?: Silences
}

/**
 * Runs `use`, which claims the volume (`mountVolume`, say). While it throws EACSHELD and the holder is a plugin on
 * another machine, that one is asked for the volume; depending on the policy its answer is waited for, or its
 * access is revoked after the delay; then `use` runs again. Whoever takes the volume in between is the holder to
 * be asked next. Throws EACSHELD with the holder's own words when it keeps the volume, and at once when nobody
 * can be asked: a virtual machine, an initiator without a record, a hold taken by hand, a machine that looks like this one.
 */
export async function acquire<T>(context: VolumeContext, request: AcquireRequest, use: () => Promise<T>): Promise<T> {
  const { uuid, me, fingerprint } = request
  const talk: Talk = {
    asking: startAsking(context, uuid, me, fingerprint),
    silences: request.silences ?? createSilences(),
    last: { who: '', state: '', times: 0 },
  }
  try {
    for (;;) {
      try {
        return await use()
      } catch (error) {
        if (!isAcsError(error, 'EACSHELD')) throw error
      }
      await untilFree(context, request, talk)
      // Others wait for it too.
      await context.deadline.sleep(Math.random() * 20, 'taking the volume')
    }
  } catch (error) {
    await withdraw(context, request, talk)
    throw error
  }
}

interface Talk {
  asking: Asking
  silences: Silences
  /** What was heard last, of whom, and how often in a row. */
  last: { who: string; state: string; times: number }
}

/** Returns when `use` is worth another try; throws when the volume is not to be had. */
async function untilFree(context: VolumeContext, request: AcquireRequest, talk: Talk): Promise<void> {
  const { uuid, policy, delayMs } = request
  for (;;) {
    const { volume, hold } = await look(context, request, talk)
    if (hold.kind === 'free' || hold.kind === 'mine' || hold.kind === 'restarted') return
    const holder = askableHolder(volume, hold, request.me)
    const { heard, times, silentForMs, cause } = await hear(context, request, talk, { volume, holder })
    const leftMs = context.deadline.remainingMs()
    const decision = decide({ policy, delayMs, heard, times, silentForMs, leftMs })
    switch (decision.do) {
      case 'claim':
        return
      case 'ask-again':
        await context.deadline.sleep(decision.afterMs, `waiting for ${printable(holder.n)} to let go of the volume`)
        break
      case 'take-over':
        await takeFrom(context, uuid, { volume, holder, why: decision.why })
        talk.silences.end(uuid)
        return
      case 'refuse':
        throw withWords(heldElsewhere(volume, hold, request.me), `: ${decision.why}`, cause)
    }
  }
}

/** The volume and who holds it, with our request in its record when there is someone to be asked. */
async function look(
  context: VolumeContext,
  request: AcquireRequest,
  talk: Talk,
): Promise<{ volume: Volume; hold: Hold }> {
  const { uuid, me } = request
  const remembered = await rememberedHolds(context.stateFolder, uuid)
  const volume = await talk.asking.write((seen) => holdOf(seen, me, remembered).kind === 'other' && isAskable(seen, me))
  return { volume, hold: holdOf(volume, me, remembered) }
}

function isAskable(volume: Volume, me: Me): boolean {
  const initiators = initiatorsOf(volume)
  const holder = volume.trailer?.h
  return (
    holder?.a !== undefined &&
    initiators.length === 1 &&
    sameInitiator(initiators[0], holder.i) &&
    // A clone of this machine: the cluster could not keep one of the two out.
    !sameInitiator(holder.i, me.initiatorName)
  )
}

/** The holder, a plugin. Throws EACSHELD where there is none that can be asked. */
function askableHolder(volume: Volume, hold: Exclude<Hold, { kind: 'free' }>, me: Me): Holder & { a: string } {
  const holder = volume.trailer?.h
  if (hold.kind === 'other' && holder?.a !== undefined && isAskable(volume, me)) return { ...holder, a: holder.a }
  const held = heldElsewhere(volume, hold, me)
  const [only, ...others] = initiatorsOf(volume)
  const byHand = hold.kind === 'other' && holder && others.length === 0 && sameInitiator(only, holder.i)
  if (!byHand || holder.a !== undefined) throw held
  const there = `On ${printable(holder.n)}: acs volume unmount ${printable(volume.group.name)}`
  throw withWords(held, ', by hand: no volume plugin there can be asked for it', undefined, [there])
}

async function hear(
  context: VolumeContext,
  request: AcquireRequest,
  talk: Talk,
  { volume, holder }: { volume: Volume; holder: Holder & { a: string } },
): Promise<{ heard: Heard; times: number; silentForMs: number; cause?: unknown }> {
  const { uuid } = request
  const { name } = volume.group
  const who = JSON.stringify(holder)
  announceStep(context, `asking ${printable(holder.n)} for volume ${nameOf(volume)}`)
  const askedAtMs = performance.now()
  const { heard, cause } = await askOnce(context, request, { address: holder.a, volume: { uuid, name } })
  if (heard.state === 'silent' || heard.state === 'untrusted') {
    talk.last = { who, state: '', times: 0 }
    const { times, forMs } = talk.silences.unanswered(uuid, who, askedAtMs, Math.max(request.delayMs, 10_000))
    return { heard, times, silentForMs: forMs, cause }
  }
  talk.silences.end(uuid)
  const heeded = isAcsError(cause, 'EACSPEERREFUSED') ? refusedFor(talk.asking.barrier(volume), heard) : heard
  // "Released" and then "not held" say the same of a record that does not go away.
  const state = heeded.state === 'released' ? 'not-held' : heeded.state
  const goesOn = talk.last.who === who && talk.last.state === state
  talk.last = { who, state, times: goesOn ? talk.last.times + 1 : 1 }
  return { heard: heeded, times: talk.last.times, silentForMs: 0, cause }
}

function refusedFor(barrier: ReturnType<Asking['barrier']>, heard: Heard): Heard {
  if (barrier === undefined) return heard
  if (barrier === 'other') return { state: 'busy', retryAfterMs: 1_000 }
  return { state: 'unclear', text: `its plugin cannot be asked, as ${barrier.message}` }
}

async function askOnce(
  context: VolumeContext,
  request: AcquireRequest,
  question: { address: string; volume: { uuid: string; name: string } },
): Promise<{ heard: Heard; cause?: unknown }> {
  const deadline = context.deadline.atMost(context.deadline.remainingMs() - reserveMs)
  try {
    return { heard: await request.ask({ ...question, deadline }) }
  } catch (error) {
    context.deadline.check('asking the holder for the volume')
    if (!isAcsError(error) || error.kind === 'bug') throw error
    const text = messageOf(error)
    if (error.code === 'EACSPEERSILENT') return { heard: { state: 'silent', text }, cause: error }
    if (error.code === 'EACSPEERUNTRUSTED') return { heard: { state: 'untrusted', text }, cause: error }
    return { heard: { state: 'unclear', text }, cause: error }
  }
}

/** Revokes the holder's access, and only its: should another have it by now, that one is left alone. */
async function takeFrom(
  context: VolumeContext,
  uuid: string,
  { volume, holder, why }: { volume: Volume; holder: Holder; why: string },
): Promise<void> {
  const isStillIts = (seen: Volume): boolean => JSON.stringify(seen.trailer?.h) === JSON.stringify(holder)
  const [initiator] = initiatorsOf(volume)
  warn(context, `taking volume ${nameOf(volume)} from ${printable(holder.n)}: ${why}`)
  try {
    await revokeAll(context, uuid, (seen) => isStillIts(seen) && initiatorsOf(seen).join() === initiator)
  } catch (error) {
    // Someone else may have come first, after the revocation: it is the holder to be asked next.
    if (!isAcsError(error, 'EACSREVOKE')) throw error
    const { initiators } = error.details
    if (!Array.isArray(initiators) || initiators.includes(initiator)) throw error
  }
}

/** Also when the time is up; what stays behind then is of no use to anyone after five minutes. */
async function withdraw(context: VolumeContext, { uuid }: AcquireRequest, { asking }: Talk): Promise<void> {
  try {
    await asking.withdraw({ ...context, deadline: deadlineIn(10_000) })
  } catch (error) {
    warn(context, `the request for volume ${uuid} could not be withdrawn: ${messageOf(error)}`)
  }
}

function withWords(held: AcsError, words: string, cause: unknown, hints: readonly string[] = []): AcsError {
  return new AcsError(held.kind, held.code, held.message + words, {
    cause,
    hints: [...hints, ...held.hints],
    details: held.details,
  })
}
