import { expect, it } from 'vitest'
import { createSilences } from '../../../src/lib/volume/silences.js'

it('goes on from call to call, ends with an answer, and starts anew with another holder or after a long pause', () => {
  let now = 1_000
  const silences = createSilences(() => now)
  const ask = (holder: string, takesMs: number): object => {
    const askedAt = now
    now += takesMs
    return silences.unanswered('db', holder, askedAt, 10_000)
  }
  expect(ask('a', 2_000)).toEqual({ times: 1, forMs: 2_000 })
  now += 9_999
  expect(ask('a', 2_000)).toEqual({ times: 2, forMs: 13_999 })
  expect(ask('a, since another time', 1_000)).toEqual({ times: 1, forMs: 1_000 })
  now += 10_001
  expect(ask('a, since another time', 1_000)).toEqual({ times: 1, forMs: 1_000 })
  expect(silences.unanswered('other', 'a', now, 10_000)).toEqual({ times: 1, forMs: 0 })
  silences.end('db')
  expect(ask('a, since another time', 500)).toEqual({ times: 1, forMs: 500 })
})
