import { expect, test } from 'vitest'
import type { CheckResult } from '../../../../src/lib/plugin/check/check.js'
import { resultText, summaryText } from '../../../../src/lib/plugin/check/text.js'

const plain = (_style: string, text: string): string => text
const result: CheckResult = {
  id: 'get.status',
  title: 'Status is an object',
  severity: 'must',
  status: 'fail',
  message: 'it is "\u001B[2J"',
  why: 'Go reads a map.',
  source: 'moby adapter.go',
  ms: 1_250,
  evidence: [
    { call: 'VolumeDriver.List', request: '{}', status: 200, body: '{}', ms: 1 },
    {
      call: 'VolumeDriver.Get',
      request: '{"Name":"a"}',
      status: 200,
      body: '\u001B]0;x\u0007',
      ms: 2.4,
      decisive: true,
    },
  ],
}

test('a failure shows the exchange that decided, the reason and the source, and nothing drives the terminal', () => {
  expect(resultText(result, plain).split('\n')).toEqual([
    'FAIL  get.status                 Status is an object  1.3 s',
    '      it is "\\u{1b}[2J"',
    '      > POST /VolumeDriver.Get {"Name":"a"}',
    '      < 200 \\u{1b}]0;x\\u{7}  (2 ms)',
    '      Why: Go reads a map.',
    '      Source: moby adapter.go',
  ])
})

test('where no answer came, it says why', () => {
  const evidence = [
    {
      call: 'Plugin.Activate',
      request: '',
      status: null,
      body: '',
      lost: 'connection refused',
      ms: 1,
      decisive: true as const,
    },
  ]
  expect(
    resultText({ ...result, evidence }, plain)
      .split('\n')
      .slice(2, 4),
  ).toEqual(['      > POST /Plugin.Activate', '      < connection refused  (1 ms)'])
})

test('what passes is a line, with its remark on the next', () => {
  expect(resultText({ ...result, status: 'pass', message: 'local', ms: 3 }, plain)).toBe(
    'pass  get.status                 Status is an object\n      local',
  )
})

test('the summary counts', () => {
  const report = {
    socket: '/s',
    prefix: 'p',
    spokenAs: 'docker' as const,
    startedAt: '',
    ms: 1_234,
    summary: { pass: 5, fail: 0, warn: 2, skip: 1 },
    results: Array<CheckResult>(8).fill(result),
    timings: [],
    leftBehind: [],
  }
  expect(summaryText(report, plain)).toBe('8 checks in 1.2 s: 5 passed, 0 failed, 2 warned, 1 skipped')
})
