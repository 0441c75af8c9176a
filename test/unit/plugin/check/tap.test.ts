import { expect, test } from 'vitest'
import { parse } from 'yaml'
import type { CheckResult } from '../../../../src/lib/plugin/check/check.js'
import { tapBailOut, tapHead, tapPoint } from '../../../../src/lib/plugin/check/tap.js'

const result: CheckResult = {
  id: 'get.status',
  title: 'Status is an object',
  severity: 'must',
  status: 'pass',
  why: 'Go.',
  source: 'moby',
  ms: 3,
  evidence: [],
}

test('a stream begins with its version and plan', () => {
  expect(tapHead(3)).toBe('TAP version 13\n1..3')
})

test('a check that passes is one line', () => {
  expect(tapPoint(result, 4)).toBe('ok 4 - get.status: Status is an object')
})

test('a remark follows in YAML', () => {
  expect(tapPoint({ ...result, message: 'fine: "so"' }, 1)).toBe(
    'ok 1 - get.status: Status is an object\n  ---\n  message: "fine: \\"so\\""\n  ...',
  )
})

test('what is skipped says why, and nothing in it can be a directive or another line', () => {
  expect(tapPoint({ ...result, title: 'a # TODO b\\', status: 'skip', message: 'c\nnot ok 2 # x' }, 1)).toBe(
    'ok 1 - get.status: a \\# TODO b\\\\ # SKIP c not ok 2 \\# x',
  )
})

test('a failure has its evidence in YAML that a parser reads and no text can leave', () => {
  const evidence = [
    { call: 'A', request: '', status: 200, body: '', ms: 1 },
    { call: 'B', request: '{}', status: 200, body: '\n  ...\nok 1\u2028\u009B2J', ms: 1, decisive: true as const },
  ]
  const text = tapPoint({ ...result, status: 'fail', message: 'no object', evidence }, 2)
  const lines = text.split('\n')
  expect(lines[0]).toBe('not ok 2 - get.status: Status is an object')
  expect(lines.filter((line) => line === '  ...')).toHaveLength(1)
  expect(text).not.toMatch(/[\u009B\u2028]/)
  const block = parse(lines.slice(2, -1).join('\n')) as Record<string, unknown>
  expect(block).toEqual({
    message: 'no object',
    severity: 'must',
    why: 'Go.',
    source: 'moby',
    ms: 3,
    evidence: evidence.slice(1),
  })
})

test('what is only recommended is TODO, which is no failure', () => {
  expect(tapPoint({ ...result, status: 'warn', severity: 'should' }, 1)).toMatch(/^not ok 1 - .* # TODO recommended/)
})

test('a run that ends early says so', () => {
  expect(tapBailOut('interrupted\nwhile x')).toBe('Bail out! interrupted while x')
})
