import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareText, sortRows } from '../../../../src/lib/cli/output/sort.js'
import { columns, rows } from './rows.js'

const names = (order: string) => sortRows(columns, rows, order).map(({ name }) => name)

test.each([
  ['name', ['DB', 'web-2', 'web-10']],
  ['name:desc', ['web-10', 'web-2', 'DB']],
  ['sizeBytes', ['web-2', 'web-10', 'DB']],
  ['sizeBytes:desc', ['web-10', 'web-2', 'DB']],
])('--sort %s', (order, expected) => {
  expect(names(order)).toEqual(expected)
})

test('a second key decides among equals', () => {
  const list = [
    { name: 'b', bytes: 1 },
    { name: 'a', bytes: 1 },
    { name: 'c', bytes: 0 },
  ]
  expect(sortRows(columns, list, 'sizeBytes,name').map(({ name }) => name)).toEqual(['c', 'a', 'b'])
  expect(sortRows(columns, list, 'sizeBytes:desc,name:desc').map(({ name }) => name)).toEqual(['b', 'a', 'c'])
})

test('a wrong direction or key is a usage error', () => {
  expect(() => names('name:up')).toThrow(expect.objectContaining({ kind: 'usage', code: 'EACSSORT' }))
  expect(() => names('size')).toThrow(expect.objectContaining({ kind: 'usage', code: 'EACSCOLUMN' }))
})

test('text is in a total order, and numbers in it count as numbers', () => {
  expect(compareText('disk2', 'disk10')).toBeLessThan(0)
  expect(compareText('Disk2', 'disk1')).toBeGreaterThan(0)
  const text = fc.stringMatching(/^[a-cA-C0-2]{0,6}$/)
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      expect(Math.sign(compareText(a, b))).toBe(-Math.sign(compareText(b, a)) || 0)
      expect(compareText(a, b) === 0).toBe(a === b)
      if (compareText(a, b) <= 0 && compareText(b, c) <= 0) expect(compareText(a, c)).toBeLessThanOrEqual(0)
    }),
    { numRuns: 2000 },
  )
})
