import { expect, it } from 'vitest'
import { createRateLimit } from '../../../../src/lib/plugin/peer/rate-limit.js'

it('lets each have a burst and then a pace, and all together no more than theirs', () => {
  let now = 0
  const limit = createRateLimit({ burst: 3, perSecond: 2 }, { burst: 5, perSecond: 4 }, () => now)
  const served = (who: string, times: number): number =>
    Array.from({ length: times }, () => limit.take(who)).filter(Boolean).length
  expect(served('a', 10)).toBe(3)
  expect(served('b', 10)).toBe(2)
  expect(served('c', 10)).toBe(0)
  now = 1_000
  expect(served('a', 10)).toBe(2)
  expect(served('b', 10)).toBe(2)
  now = 100_000
  expect(served('c', 10)).toBe(3)
})

it('costs nobody else anything when one is not served', () => {
  const limit = createRateLimit({ burst: 1, perSecond: 1 }, { burst: 3, perSecond: 1 }, () => 0)
  for (let time = 0; time < 100; time += 1) limit.take('loud')
  expect([limit.take('b'), limit.take('c'), limit.take('d')]).toEqual([true, true, false])
})
