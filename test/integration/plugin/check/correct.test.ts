import { afterEach, describe, expect, it } from 'vitest'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'
import { startCheckLab, type CheckLab } from './lab.js'

let lab: CheckLab
afterEach(() => lab.close())

const others = (report: { results: readonly { id: string; status: string; message?: string }[] }, status: string) =>
  report.results
    .filter((result) => result.status !== status)
    .map(({ id, status, message }) => ({ id, status, message }))

describe('a correct plugin', () => {
  it('passes everything, and nothing of the run is left in it', async () => {
    lab = await startCheckLab()
    const report = await lab.check()
    expect(others(report, 'pass')).toEqual([])
    expect(report.summary).toEqual({ pass: allChecks.length, fail: 0, warn: 0, skip: 0 })
    expect(lab.plugin.volumes()).toEqual([])
    expect(report.leftBehind).toEqual([])
    expect(report.spokenAs).toBe('docker')
  })

  it('without mounts is not asked for one, and skips what needs it', async () => {
    lab = await startCheckLab()
    const report = await lab.check({ mounts: false })
    expect(report.timings.map(({ call }) => call)).not.toContain('VolumeDriver.Mount')
    const skipped = others(report, 'pass')
    expect(skipped.filter(({ status }) => status !== 'skip')).toEqual([])
    const mounting = allChecks.filter(({ uses = [] }) => uses.includes('mount')).map(({ id }) => id)
    // And what leans on one of those.
    expect(skipped.map(({ id }) => id).sort()).toEqual(
      [...mounting, 'body.empty-mount'].filter((id, at, all) => all.indexOf(id) === at).sort(),
    )
  })

  it('on another machine is mounted, but not looked into', async () => {
    lab = await startCheckLab()
    const report = await lab.check({ looks: false })
    const looking = allChecks.filter(({ uses = [] }) => uses.includes('folder')).map(({ id }) => id)
    expect(others(report, 'pass')).toEqual(
      looking.map((id) => expect.objectContaining({ id, status: 'skip' }) as unknown),
    )
  })

  it('that takes a second for each mount still answers reads at once', async () => {
    lab = await startCheckLab({ mountMs: 300 })
    const report = await lab.check({ checks: allChecks.filter(({ id }) => id === 'concurrent.reads') })
    expect(others(report, 'pass')).toEqual([])
    expect(report.results[0]?.message).toMatch(/took \d+ ms while 4 Mounts took [3-9]\d\d ms/)
  })
})
