import { describe, expect, it } from 'vitest'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'
import { found, isFault, type Fault } from './faults.js'
import { startCheckLab, troubles } from './lab.js'

/** With these a volume cannot be removed, or seems to be there for ever. */
const leaving: readonly Fault[] = [
  'forgets-to-unmount',
  'takes-no-name',
  'finds-whatever-is-asked',
  'remove-forgets-nothing',
  'does-not-come-back',
  'keeps-mounts-of-before',
]
/** Measured against minutes; test/unit/plugin/check/time.test.ts does it without them. */
const ofTime = ['time.docker', 'time.podman']

describe.concurrent('a plugin with one fault: it is found, and no other', () => {
  it.each(Object.keys(found).filter(isFault))('%s', async (fault) => {
    const lab = await startCheckLab({
      fault,
      supervised: true,
      ...(fault === 'one-lock-for-all' ? { mountMs: 160 } : {}),
    })
    try {
      const report = await lab.check()
      const said = report.results.map(({ id, status, message }) => `${status} ${id}: ${message ?? ''}`).join('\n')
      expect(troubles(report), said).toEqual(found[fault])
      for (const { status, message, evidence } of report.results)
        if (status === 'fail' || status === 'warn') {
          expect(message).not.toBe('')
          expect(evidence.filter(({ decisive }) => decisive)).toHaveLength(1)
        }
      // Nothing is left in it, or it is told what.
      const told = new Set(report.leftBehind)
      expect([...lab.plugin.volumes(), ...lab.plugin.mounted()].filter((name) => !told.has(name))).toEqual([])
      if (!leaving.includes(fault)) expect(report.leftBehind).toEqual([])
    } finally {
      await lab.close()
    }
  })
})

it('each check finds a fault of its own', () => {
  const finding = new Set(Object.values(found).flatMap((checks) => Object.keys(checks)))
  expect(allChecks.map(({ id }) => id).filter((id) => !finding.has(id))).toEqual(ofTime)
})
