import { beforeAll, expect, test } from 'vitest'
import { detailTable, listTable } from '../../../../src/lib/cli/output/table.js'
import { columns, rows } from './rows.js'

beforeAll(() => {
  process.env.NO_COLOR = '1'
})

test('a list: capitals above, numbers to the right, no lines and no spaces at the end', async () => {
  expect(await listTable(columns.slice(0, 3), rows)).toMatchInlineSnapshot(`
    "NAME      SIZE  TAGS
    web-10  20 GiB  prod, eu
    web-2    5 GiB  test
    DB           -  -
    "
  `)
})

test('one object: a line for each column', async () => {
  expect(await detailTable(columns, rows[0]!)).toMatchInlineSnapshot(`
    "Name    web-10
    Size    20 GiB
    Tags    prod, eu
    Shared  yes
    "
  `)
})
