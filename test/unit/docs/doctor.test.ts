import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findingSections } from '../../../src/lib/doctor/finding.js'
import { projectRoot } from '../cli/project.js'
import { sourceFiles } from './error-codes.js'

const rows = readFileSync(join(projectRoot, 'docs', 'doctor.md'), 'utf8')
  .split('\n')
  .flatMap((line) => /^\| `([\w-]+)` +\| (fix|) *\| (.+?) +\|$/.exec(line) ?? [])
  .reduce<string[][]>(
    (all, cell, at) => (at % 4 === 0 ? [...all, [cell]] : [...all.slice(0, -1), [...(all.at(-1) ?? []), cell]]),
    [],
  )
const sources = sourceFiles()
  .filter((path) => path.includes('lib/doctor/') && !path.endsWith('finding.ts'))
  .map((path) => readFileSync(join(projectRoot, path), 'utf8'))

describe('docs/doctor.md', () => {
  test('has every finding there is, in their order, and no other', () => {
    expect(rows.map(([, id]) => id)).toEqual(Object.keys(findingSections))
  })

  test('says something of each', () => {
    for (const [, id, , meaning] of rows) expect(meaning, id).toMatch(/^\S.*\w.*\.$/)
  })

  test('marks those that have a fix', () => {
    const fixed = rows.filter(([, , fix]) => fix === 'fix').map(([, id]) => id)
    // A file whose findings have one id each names it near its fix.
    for (const id of fixed)
      expect(
        sources.some((text) => text.includes(`'${id}'`) && text.includes('fix')),
        id,
      ).toBe(true)
    expect(fixed.length).toBeGreaterThan(10)
  })
})

test('no finding is declared that nothing makes', () => {
  const all = sources.join('\n')
  // Made of the initiator's kind.
  const composed = ['initiator-kernel', 'initiator-userspace']
  expect(Object.keys(findingSections).filter((id) => !all.includes(`'${id}'`) && !composed.includes(id))).toEqual([])
})
