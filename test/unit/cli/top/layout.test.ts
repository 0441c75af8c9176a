import fc from 'fast-check'
import widthOf from 'string-width'
import { describe, expect, it } from 'vitest'
import { cut, layOut, type LaidColumn } from '../../../../src/lib/cli/top/layout.js'

const columns: LaidColumn[] = [
  { header: 'NAME', cells: ['a-database-with-a-name', 'db'], shrinksTo: 6 },
  { header: 'SIZE', cells: ['1 GiB', '20 GiB'], right: true, width: 8, leaves: 1 },
  { header: 'MOUNT', cells: ['/mnt/acs/a-database', '/mnt/acs/db'], leaves: 2 },
]

describe('a table', () => {
  it('is whole where there is room', () => {
    expect(layOut(columns, Infinity, widthOf)).toEqual({
      header: 'NAME                        SIZE  MOUNT',
      rows: ['a-database-with-a-name     1 GiB  /mnt/acs/a-database', 'db                        20 GiB  /mnt/acs/db'],
    })
  })

  it('shrinks first', () => {
    expect(layOut(columns, 40, widthOf).rows).toEqual([
      'a-databa…     1 GiB  /mnt/acs/a-database',
      'db           20 GiB  /mnt/acs/db',
    ])
  })

  it('then loses columns, the least needed first, and what was cut is whole again', () => {
    expect(layOut(columns, 33, widthOf).rows).toEqual([
      'a-database-with-a-name     1 GiB',
      'db                        20 GiB',
    ])
    expect(layOut(columns, 10, widthOf).rows).toEqual(['a-databas…', 'db'])
  })

  it('is never wider than the terminal, whatever the names', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 5 }),
        (width, names) => {
          const some = [
            { header: 'NAME', cells: names, shrinksTo: 4 },
            ...columns.slice(1).map((column) => ({ ...column, cells: names })),
          ]
          const { header, rows } = layOut(some, width, widthOf)
          for (const line of [header, ...rows]) expect(widthOf(line)).toBeLessThanOrEqual(width)
        },
      ),
    )
  })
})

it('wide characters count twice', () => {
  expect(cut('数据库', 6, widthOf)).toBe('数据库')
  expect(cut('数据库', 5, widthOf)).toBe('数据…')
  expect(cut('数据库', 4, widthOf)).toBe('数…')
  expect(cut('db', 0, widthOf)).toBe('')
})
