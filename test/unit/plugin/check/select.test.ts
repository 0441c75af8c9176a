import { describe, expect, test } from 'vitest'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'
import { selectChecks } from '../../../../src/lib/plugin/check/select.js'

const ids = (selection: Parameters<typeof selectChecks>[1]) => selectChecks(allChecks, selection).map(({ id }) => id)

describe('choosing checks', () => {
  test('without a word takes all', () => {
    expect(ids({})).toHaveLength(allChecks.length)
  })

  test('by id, area and glob, in the order of the list', () => {
    expect(ids({ only: ['get.status', 'create.new'] })).toEqual(['create.new', 'get.status'])
    expect(ids({ only: ['activate'] })).toEqual(['activate.implements', 'activate.repeated'])
    expect(ids({ only: ['*.created-at'] })).toEqual(['get.created-at', 'list.created-at'])
    expect(ids({ only: ['body.empty-?et'] })).toEqual(['body.empty-get'])
  })

  test('a glob is no pattern: a dot is a dot, and the whole id must match', () => {
    expect(() => ids({ only: ['createXnew'] })).toThrow('--only createXnew names no check')
    expect(() => ids({ only: ['create.ne'] })).toThrow('--only create.ne names no check')
    expect(() => ids({ only: ['(a+)+$.*'] })).toThrow('names no check')
  })

  test('skip wins over only', () => {
    expect(ids({ only: ['activate'], skip: ['*.repeated'] })).toEqual(['activate.implements'])
    expect(() => ids({ only: ['activate'], skip: ['activate.*'] })).toThrow('leave no check')
  })
})
