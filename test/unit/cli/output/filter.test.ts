import fc from 'fast-check'
import { expect, test } from 'vitest'
import { filterRows } from '../../../../src/lib/cli/output/filter.js'
import { columns, rows } from './rows.js'

const names = (...conditions: string[]) => filterRows(columns, rows, conditions).map(({ name }) => name)

test.each<[string[], string[]]>([
  [[], ['web-10', 'web-2', 'DB']],
  [['name=web-*'], ['web-10', 'web-2']],
  [['name=web-?'], ['web-2']],
  [['name=db'], ['DB']],
  [['name!=web-*'], ['DB']],
  [['name~EB'], ['web-10', 'web-2']],
  [['name!~eb'], ['DB']],
  [['sizeBytes>5G'], ['web-10']],
  [['sizeBytes >= 5GiB'], ['web-10', 'web-2']],
  [['sizeBytes<=5368709120'], ['web-2']],
  [['sizeBytes=20G'], ['web-10']],
  [['sizeBytes=-'], ['DB']],
  [['tags=prod'], ['web-10']],
  [['tags~t'], ['web-2']],
  [['shared=yes'], ['web-10']],
  [['shared=no'], ['DB']],
  [['name=web-*', 'sizeBytes<10G'], ['web-2']],
  [['name=w.b-*'], []],
])('%j', (conditions, expected) => {
  expect(names(...conditions)).toEqual(expected)
})

test.each([
  ['name', 'EACSFILTER'],
  ['=x', 'EACSFILTER'],
  ['', 'EACSFILTER'],
  ['nmae=x', 'EACSCOLUMN'],
  ['sizeBytes>big', 'EACSSIZE'],
])('"%s" is a usage error %s, also when there is no row', (condition, code) => {
  expect(() => filterRows(columns, [], [condition])).toThrow(expect.objectContaining({ kind: 'usage', code }))
})

test('a row is found by its own name, whatever characters are in it', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      // The ends are trimmed, and * and ? are the glob's.
      fc.pre(name.trim() === name && !/[*?]/.test(name))
      expect(filterRows(columns, [{ name }], [`name=${name}`])).toHaveLength(1)
      expect(filterRows(columns, [{ name }], [`name!=${name}`])).toHaveLength(0)
    }),
  )
})

test('a condition and its opposite split the rows', () => {
  const bytes = fc.option(fc.nat(), { nil: undefined })
  fc.assert(
    fc.property(fc.array(fc.record({ name: fc.string(), bytes })), fc.nat(), (list, limit) => {
      const known = list.filter((row) => row.bytes !== undefined)
      const over = filterRows(columns, list, [`sizeBytes>${limit}`])
      const notOver = filterRows(columns, list, [`sizeBytes<=${limit}`])
      expect(over.length + notOver.length).toBe(known.length)
    }),
  )
})
