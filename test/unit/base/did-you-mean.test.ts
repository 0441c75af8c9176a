import fc from 'fast-check'
import { expect, test } from 'vitest'
import { closest, editDistance } from '../../../src/lib/base/did-you-mean.js'

test('the distance is a number of typing mistakes', () => {
  expect(editDistance('list', 'list')).toBe(0)
  expect(editDistance('lsit', 'list')).toBe(1)
  expect(editDistance('--jsn', '--json')).toBe(1)
  expect(editDistance('', 'abc')).toBe(3)
})

test('the distance is symmetric, zero only for equals, and never more than the longer word', () => {
  const word = fc.string({ maxLength: 12 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b)
      expect(distance).toBe(editDistance(b, a))
      expect(distance === 0).toBe(a === b)
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
      expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
    }),
  )
})

test('one mistake in a word of four letters or more is always forgiven', () => {
  const words = ['volume list', 'volume create', 'container list', 'cluster show', 'task wait']
  fc.assert(
    fc.property(fc.constantFrom(...words), fc.nat(), fc.constantFrom('a', 'b', 'x', 'y'), (word, position, letter) => {
      const at = position % word.length
      expect(closest(word.slice(0, at) + letter + word.slice(at + 1), words)).toContain(word)
    }),
  )
})

test('nothing is offered when nothing is near, and beginnings are near', () => {
  expect(closest('xyzzy', ['volume', 'task'])).toEqual([])
  expect(closest('vol', ['volume', 'task'])).toEqual(['volume'])
})
