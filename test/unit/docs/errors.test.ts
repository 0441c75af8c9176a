import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ErrorKind } from '../../../src/lib/base/errors.js'
import { exitCodeOf } from '../../../src/lib/cli/exit-codes.js'
import { projectRoot } from '../cli/project.js'
import { errorCodes } from './error-codes.js'

const rows = readFileSync(join(projectRoot, 'docs', 'errors.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `EACS'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
const documented = new Map(
  rows.map(([, code = '', exits = '']) => [code.replaceAll('`', ''), exits.split(', ').map(Number)] as const),
)
const { thrown, asked } = errorCodes()

const kinds = {
  failed: true,
  usage: true,
  'not-found': true,
  auth: true,
  conflict: true,
  timeout: true,
  partial: true,
  precondition: true,
  bug: true,
  interrupted: true,
} satisfies Record<ErrorKind, true>

function isKind(text: string): text is ErrorKind {
  return Object.hasOwn(kinds, text)
}

describe('docs/errors.md', () => {
  test('has every code that is thrown, once', () => {
    expect(thrown.size).toBeGreaterThan(100)
    expect([...thrown.keys()].filter((code) => !documented.has(code))).toEqual([])
    expect(rows).toHaveLength(documented.size)
  })

  test('has no code that nothing throws', () => {
    expect([...documented.keys()].filter((code) => !thrown.has(code))).toEqual([])
  })

  test.each([...documented])('gives %s the exit codes it is thrown with', (code, exits) => {
    const seen = [...(thrown.get(code) ?? [])].filter(isKind)
    expect(seen).toHaveLength(thrown.get(code)?.size ?? 0)
    expect([...exits].sort()).toEqual([...new Set(seen.map((kind) => exitCodeOf(kind)))].sort())
  })

  test('says something of each', () => {
    for (const [, code = '', , meaning = ''] of rows) expect(meaning, code).toMatch(/\w+.*[.]$/)
  })
})

test('no code is asked for that nothing throws', () => {
  expect([...asked]).toEqual([])
})
