import { expect, test } from 'vitest'
import { exitCodeOf, exitCodes } from '../../../src/lib/cli/exit-codes.js'

test('every kind of error has a documented code of its own', () => {
  const kinds = [
    'failed',
    'usage',
    'not-found',
    'auth',
    'conflict',
    'timeout',
    'partial',
    'precondition',
    'bug',
  ] as const
  expect(kinds.map((kind) => exitCodeOf(kind))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10])
  const documented = exitCodes.map(({ code }) => code)
  expect(new Set(documented).size).toBe(documented.length)
  for (const kind of kinds)
    expect(exitCodes).toContainEqual(expect.objectContaining({ name: kind, code: exitCodeOf(kind) }))
})

test('an interruption tells Ctrl-C from SIGTERM', () => {
  expect(exitCodeOf('interrupted')).toBe(130)
  expect(exitCodeOf('interrupted', 'SIGINT')).toBe(130)
  expect(exitCodeOf('interrupted', 'SIGTERM')).toBe(143)
})
