/** What to do about a holder that does not answer; one that does is always believed. */
export type TakeOverPolicy = 'refuse' | 'take-over' | 'wait'

/** What a holder's plugin answers when another host asks for a volume. */
export type ReleaseAnswer =
  | { state: 'released' }
  /** `text` is shown to whoever asked, as it is. */
  | { state: 'in-use'; by: string[]; text: string }
  | { state: 'not-held' }
  /** It is letting go, or doing something else with the volume. */
  | { state: 'busy'; retryAfterMs: number }

/** What asking the holder once brought: its answer, or why there is none. */
export type Heard =
  | ReleaseAnswer
  /** Nobody answers at its address. */
  | { state: 'silent'; text: string }
  /** Somebody else answers there: another certificate, another protocol. */
  | { state: 'untrusted'; text: string }
  /** The holder lives, and its answer is of no use; or this machine could not ask. */
  | { state: 'unclear'; text: string }

export interface Situation {
  policy: TakeOverPolicy
  /** How long a holder must have been silent before its volume is taken. */
  delayMs: number
  heard: Heard
  /** How often in a row the same holder was heard like that, this time included. */
  times: number
  /** Since the first unanswered question in a row; 0 after an answer. */
  silentForMs: number
  /** Until the caller gives up. */
  leftMs: number
}

export type Decision =
  /** It should be free: look, and claim it. */
  | { do: 'claim' }
  | { do: 'ask-again'; afterMs: number }
  /** Revoke the holder's access, then claim. */
  | { do: 'take-over'; why: string }
  | { do: 'refuse'; why: string }

/** Kept for the claim, the login and the mount: a volume taken too late is taken for nothing. */
export const reserveMs = 2_000

const pollMs = 1_000

/**
 * What to do after the holder was asked. Pure: the whole table is tested.
 *
 * Somebody else at the holder's address counts as silence and never as an answer. It is no proof that the holder
 * is gone; but neither is silence, and who can put an impostor there can as well drop packets, so to refuse would
 * protect from nobody, and a reused address would keep a dead machine's volumes for ever. Therefore the whole delay
 * has to pass, the record is read anew before each question (a plugin that lives and has a new certificate
 * advertises it there), and access is revoked before it is granted, as always.
 *
 * The holder's own certificate is proof of life: what follows such a handshake never counts as silence.
 */
export function decide(situation: Situation): Decision {
  const { heard, policy, times } = situation
  switch (heard.state) {
    case 'in-use':
      return policy === 'wait' ? askAgain(situation, pollMs, heard.text) : { do: 'refuse', why: heard.text }
    case 'busy':
      return askAgain(situation, clamp(heard.retryAfterMs, 100, 5_000), 'it is still busy with the volume')
    case 'released':
    case 'not-held':
      return afterNoHold(situation)
    case 'silent':
    case 'untrusted':
      return afterSilence(situation, heard.text)
    case 'unclear':
      if (policy !== 'wait' && times >= 4) return { do: 'refuse', why: heard.text }
      return askAgain(situation, clamp(500 * 2 ** (times - 1), 500, 5_000), heard.text)
  }
}

/** The holder says that it does not have the volume. Once, its record may just have gone; then it is a leftover. */
function afterNoHold(situation: Situation): Decision {
  const { policy, times } = situation
  if (times === 1) return { do: 'claim' }
  const why = 'its plugin says that it does not have the volume, but the cluster still lets it in'
  if (times <= 3) return askAgain(situation, 250 * times, why)
  return policy === 'take-over' ? { do: 'take-over', why } : { do: 'refuse', why }
}

function afterSilence(situation: Situation, text: string): Decision {
  const { policy, delayMs, silentForMs, times, leftMs } = situation
  if (policy === 'refuse') return { do: 'refuse', why: text }
  if (policy === 'wait') return askAgain(situation, pollMs, text)
  const why = `${text}, for ${inSeconds(silentForMs)} now`
  // Two questions at least: one may have met a plugin that was just being started again.
  if (silentForMs < delayMs || times < 2) {
    const later = `${why} (its volumes are taken over after ${inSeconds(delayMs)})`
    return askAgain(situation, clamp(delayMs - silentForMs, 250, pollMs), later)
  }
  return leftMs < reserveMs ? { do: 'refuse', why } : { do: 'take-over', why }
}

/** A pause that would outlast the caller is cut short, for a last question. */
function askAgain({ leftMs }: Situation, afterMs: number, why: string): Decision {
  const mostMs = leftMs - reserveMs - 250
  return mostMs < 100 ? { do: 'refuse', why } : { do: 'ask-again', afterMs: Math.min(afterMs, mostMs) }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

function inSeconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
