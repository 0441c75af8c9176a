import { describe, expect, it } from 'vitest'
import { decide, type Decision, type Heard, type Situation } from '../../../src/lib/volume/take-over-policy.js'

const inUse: Heard = { state: 'in-use', by: ['web (3f2a)'], text: 'in use by container web on host a' }
const busy: Heard = { state: 'busy', retryAfterMs: 700 }
const released: Heard = { state: 'released' }
const notHeld: Heard = { state: 'not-held' }
const silent: Heard = { state: 'silent', text: 'no answer' }
const untrusted: Heard = { state: 'untrusted', text: 'someone else answers' }
const unclear: Heard = { state: 'unclear', text: 'answered with HTTP status 500' }

/** The usual: the first question, 30 s of delay, most of Docker's two minutes left. */
function after(heard: Heard, more: Partial<Situation> = {}): Decision {
  return decide({
    policy: 'take-over',
    delayMs: 30_000,
    heard,
    times: 1,
    silentForMs: 0,
    leftMs: 100_000,
    ...more,
  })
}

const claim = { do: 'claim' }
const takeOver = { do: 'take-over', why: expect.any(String) as string }
const refuse = { do: 'refuse', why: expect.any(String) as string }
const again = (afterMs: number): object => ({ do: 'ask-again', afterMs })

describe('what follows from a question to the holder', () => {
  it.each<[string, Heard, Partial<Situation>, object]>([
    ['in use is the last word', inUse, {}, { do: 'refuse', why: 'in use by container web on host a' }],
    [
      'in use is the last word',
      inUse,
      { policy: 'refuse' },
      { do: 'refuse', why: 'in use by container web on host a' },
    ],
    ['in use is waited for', inUse, { policy: 'wait' }, again(1_000)],
    ['a last question fits in', inUse, { policy: 'wait', leftMs: 3_000 }, again(750)],
    ['in use is waited for while there is time', inUse, { policy: 'wait', leftMs: 2_300 }, refuse],

    ['busy is waited for', busy, {}, again(700)],
    ['busy is waited for', busy, { policy: 'refuse' }, again(700)],
    ['busy is waited for', busy, { policy: 'wait', times: 50 }, again(700)],
    ['no holder sets a pace of nothing', { state: 'busy', retryAfterMs: -5 }, {}, again(100)],
    ['no holder makes us sleep', { state: 'busy', retryAfterMs: 1e9 }, {}, again(5_000)],
    ['busy to the end is a refusal', busy, { leftMs: 2_300 }, refuse],

    ['released is claimed', released, {}, claim],
    ['released is claimed', released, { policy: 'refuse' }, claim],
    ['not held is looked at', notHeld, {}, claim],
    ['its record may still be on its way', notHeld, { times: 2 }, again(500)],
    ['its record may still be on its way', released, { times: 3 }, again(750)],
    ['a record that stays is a leftover', notHeld, { times: 4 }, takeOver],
    ['a record that stays is a leftover', notHeld, { times: 4, policy: 'refuse' }, refuse],
    ['a record that stays is a leftover', notHeld, { times: 4, policy: 'wait' }, refuse],

    ['the first silence proves nothing', silent, {}, again(1_000)],
    ['silence shorter than the delay', silent, { times: 9, silentForMs: 29_500 }, again(500)],
    ['almost the delay', silent, { times: 9, silentForMs: 29_999 }, again(250)],
    ['the delay is over', silent, { times: 9, silentForMs: 30_000 }, takeOver],
    ['one question is not enough, however slow', silent, { times: 1, silentForMs: 40_000 }, again(250)],
    ['no delay still asks twice', silent, { delayMs: 0 }, again(250)],
    ['no delay still asks twice', silent, { delayMs: 0, times: 2, silentForMs: 1 }, takeOver],
    ['no time is left to use it', silent, { times: 9, silentForMs: 60_000, leftMs: 1_900 }, refuse],
    ['the delay does not fit', silent, { times: 2, silentForMs: 2_000, leftMs: 2_300 }, refuse],
    ['silence', silent, { policy: 'refuse' }, { do: 'refuse', why: 'no answer' }],
    ['silence', silent, { policy: 'refuse', times: 9, silentForMs: 60_000 }, refuse],
    ['silence is waited for', silent, { policy: 'wait', times: 99, silentForMs: 90_000 }, again(1_000)],
    ['silence is waited for while there is time', silent, { policy: 'wait', leftMs: 2_300 }, refuse],

    ['an impostor is no answer', untrusted, { times: 9, silentForMs: 29_000 }, again(1_000)],
    ['an impostor does not keep a volume for ever', untrusted, { times: 9, silentForMs: 30_000 }, takeOver],
    ['an impostor', untrusted, { policy: 'refuse', times: 9, silentForMs: 60_000 }, refuse],

    ['a holder that lives is not taken from', unclear, { silentForMs: 0 }, again(500)],
    ['a holder that lives is not taken from', unclear, { times: 3 }, again(2_000)],
    ['a holder that lives is not taken from', unclear, { times: 4, silentForMs: 90_000 }, refuse],
    ['a holder that lives is waited for', unclear, { policy: 'wait', times: 20 }, again(5_000)],
  ])('%s: %o %o', (_why, heard, more, expected) => {
    expect(after(heard, more)).toEqual(expected)
  })

  it('says how long it was silent and when the volume is taken', () => {
    const soon = after(silent, { times: 2, silentForMs: 12_000, leftMs: 2_100 })
    expect(soon).toEqual({ do: 'refuse', why: 'no answer, for 12 s now (its volumes are taken over after 30 s)' })
  })

  it('never takes a volume from a holder that was heard, nor before the delay, nor against the policy', () => {
    for (const heard of [inUse, busy, released, notHeld, silent, untrusted, unclear])
      for (const policy of ['refuse', 'take-over', 'wait'] as const)
        for (const times of [1, 2, 3, 4, 5, 100])
          for (const silentForMs of [0, 15_000, 29_999, 30_000, 1e6])
            for (const leftMs of [0, 1_000, 10_000, 1e6]) {
              const decision = after(heard, { policy, times, silentForMs, leftMs })
              if (decision.do !== 'take-over') continue
              expect(policy).toBe('take-over')
              const isSilent = heard.state === 'silent' || heard.state === 'untrusted'
              if (isSilent) expect(silentForMs >= 30_000 && times >= 2).toBe(true)
              else expect(heard.state === 'released' || heard.state === 'not-held').toBe(true)
            }
  })
})
