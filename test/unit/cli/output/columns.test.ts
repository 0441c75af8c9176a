import { expect, test } from 'vitest'
import { nameOf, recordOf, selectColumns, textOf } from '../../../../src/lib/cli/output/columns.js'
import { columns, GiB, rows } from './rows.js'

test('the table has the default columns, or those asked for in their order', () => {
  expect(selectColumns(columns, undefined).map(({ key }) => key)).toEqual(['name', 'sizeBytes', 'tags'])
  expect(selectColumns(columns, 'shared, NAME').map(({ key }) => key)).toEqual(['shared', 'name'])
  expect(selectColumns(columns, 'all')).toHaveLength(4)
})

test('an unknown column is a usage error that says what is near and what there is', () => {
  expect(() => selectColumns(columns, 'naem')).toThrow(
    expect.objectContaining({
      kind: 'usage',
      code: 'EACSCOLUMN',
      hints: ['Did you mean name?', 'Columns: name, sizeBytes, tags, shared'],
    }),
  )
})

test('JSON has every column with its raw value, null for unknown', () => {
  expect(recordOf(columns, rows[0]!)).toEqual({
    name: 'web-10',
    sizeBytes: 20 * GiB,
    tags: ['prod', 'eu'],
    shared: true,
  })
  expect(recordOf(columns, rows[2]!)).toEqual({ name: 'DB', sizeBytes: null, tags: [], shared: false })
})

test('words for people', () => {
  expect([null, '', true, false, [], ['a', 'b'], 0].map(textOf)).toEqual(['-', '-', 'yes', 'no', '-', 'a, b', '0'])
  expect(nameOf(columns, rows[1]!)).toBe('web-2')
  expect(nameOf([columns[1]!], rows[1]!)).toBe(String(5 * GiB))
})
