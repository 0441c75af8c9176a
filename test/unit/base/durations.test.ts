import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { formatDuration, parseDuration } from '../../../src/lib/base/durations.js'

test.each([
  ['30s', 30_000],
  ['2m', 120_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1.5m', 90_000],
  ['45', 45_000],
  ['0', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', 'soon', '-5s', '5x', '1m2', '3 s', 's', '1h-2m'])('"%s" is refused as usage', (text) => {
  expect(() => parseDuration(text)).toThrow(AcsError)
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ kind: 'usage', code: 'EACSDURATION' }))
})

test('what is printed can be read again: two largest units are kept', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (seconds) => {
      const again = parseDuration(formatDuration(seconds * 1000).replaceAll(' ', ''))
      const slack = seconds >= 86_400 ? 3_600_000 : seconds >= 3600 ? 60_000 : 1
      expect(Math.abs(again - seconds * 1000)).toBeLessThan(slack)
    }),
  )
})
