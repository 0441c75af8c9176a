import { describe, expect, test } from 'vitest'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'

describe('the list of checks', () => {
  test('has ids that are stable names, each once', () => {
    const ids = allChecks.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => !/^[a-z]+(\.[a-z]+(-[a-z]+)*)$/.test(id))).toEqual([])
  })

  test('has what others need before those who need it', () => {
    const seen = new Set<string>()
    for (const { id, needs = [] } of allChecks) {
      expect(
        needs.filter((need) => !seen.has(need)),
        id,
      ).toEqual([])
      seen.add(id)
    }
  })

  test('asks for the folder and for the mounts that a check works with, of all it leans on too', () => {
    const byId = new Map(allChecks.map((check) => [check.id, check]))
    for (const { id, needs = [], uses = [] } of allChecks)
      for (const need of needs)
        // Else --remote, --no-mount and no --restart would skip it with a reason that nobody gave.
        expect(
          (byId.get(need)?.uses ?? []).filter((use) => !uses.includes(use)),
          `${id} needs ${need}`,
        ).toEqual([])
  })

  test('says of each what holds, why and where that is written', () => {
    for (const { id, title, why, source } of allChecks) {
      expect(title, id).toMatch(/^[A-Z].*[^.]$/)
      expect(why, id).toMatch(/^["A-Z0-9a-z].*[.]$/)
      expect(source.length, id).toBeGreaterThan(8)
    }
  })
})
