import { describe, expect, it } from 'vitest'
import { Fields, toCamel, toSnake } from '../../../../src/lib/sim/rest/fields.js'

describe('Fields', () => {
  const fields = Fields.of({ flag: 'true', size: '5', mode: 'chap', nothing: null, list: [{ a: 1 }], name: 'n' })

  it('reads what clients write for booleans, numbers and enums', () => {
    expect(fields.boolean('flag')).toBe(true)
    expect(fields.integer('size')).toBe(5)
    expect(fields.choice(['CHAP', 'NONE'], 'mode')).toBe('CHAP')
    expect(fields.objects('list')?.[0]?.integer('a')).toBe(1)
  })

  it('takes null and absence for the same, and the first spelling that is there', () => {
    expect(fields.string('nothing')).toBeUndefined()
    expect(fields.string('nothing', 'gone', 'name')).toBe('n')
  })

  it.each([
    () => fields.integer('name'),
    () => fields.boolean('name'),
    () => fields.choice(['CHAP'], 'name'),
    () => fields.object('name'),
    () => fields.list('name'),
    () => Fields.of([]),
  ])('refuses what cannot be read with a 400', (read) => {
    expect(read).toThrow(expect.objectContaining({ status: 400 }))
  })
})

it('keys change case both ways, at every depth', () => {
  const snake = { disk_list: [{ vmdisk_size_mb: 1 }], name: 'a' }
  const camel = { diskList: [{ vmdiskSizeMb: 1 }], name: 'a' }
  expect(toCamel(snake)).toEqual(camel)
  expect(toSnake(camel)).toEqual(snake)
  expect(toCamel(snake, new Set(['vmdisk_size_mb']))).toEqual({ diskList: [{}], name: 'a' })
})
