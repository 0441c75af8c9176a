import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canMount, startMountedLab, type MountedLab } from './mounted-lab.js'

const run = promisify(execFile)

describe.skipIf(!canMount('snapshots of mounted volumes', ['fsfreeze']))('a snapshot of a mounted volume', () => {
  let lab: MountedLab
  let place: string
  beforeAll(async () => {
    lab = await startMountedLab()
    await lab.json('volume create db --size 64M')
    place = lab.place('db')
  })
  afterEach(() => lab.clean())
  afterAll(() => lab.close())

  it('has what was written before, restores it, and keeps what was there', async () => {
    await lab.json(`volume mount db --path ${place}`)
    // Not synced: the freeze does that.
    await writeFile(join(place, 'file'), 'before')
    expect(await lab.json('volume snapshot create db one')).toMatchObject({ frozen: true })
    await writeFile(join(place, 'file'), 'after')
    expect(await lab.failure('volume snapshot restore db@one --yes')).toMatchObject({ code: 'EACSATTACHED' })
    await lab.json('volume unmount db')
    const { kept } = await lab.json('volume snapshot restore db@one --yes')
    await lab.json(`volume mount db --path ${place}`)
    expect(await readFile(join(place, 'file'), 'utf8')).toBe('before')

    // The clone of a snapshot is mounted beside the volume it comes from: same filesystem UUID.
    await lab.json(`volume create old --from-snapshot ${String(kept)}`)
    expect(await lab.json(`volume mount old --path ${lab.place('old')}`)).toMatchObject({ formatted: false })
    expect(await readFile(join(lab.place('old'), 'file'), 'utf8')).toBe('after')
    await lab.json('volume unmount old')
    await lab.json('volume unmount db')
    expect(await lab.leftovers()).toEqual([])
  })

  it.each(['SIGKILL', 'SIGINT'] as const)('thaws when acs gets %s while it is frozen', async (signal) => {
    await lab.json(`volume mount db --path ${place}`)
    lab.simulator.addFault({ kind: 'delay', value: 8_000, match: 'POST /volume_groups/*/clone' })
    const running = lab.start('volume snapshot create db late')
    let stderr = ''
    running.process.stderr?.on('data', (text: string) => (stderr += text))
    for (let waited = 0; !stderr.includes('Freezing') && waited < 10_000; waited += 20) await delay(20)
    await delay(500)
    // Frozen: a write waits.
    const late = run('dd', ['if=/dev/zero', `of=${join(place, 'late')}`, 'bs=4096', 'count=1', 'conv=fsync'])
    expect(await Promise.race([late.then(() => 'written'), delay(500).then(() => 'waits')])).toBe('waits')
    running.process.kill(signal)
    expect(await Promise.race([late.then(() => 'written'), delay(5_000).then(() => 'waits')])).toBe('written')
    await running.ended
    lab.simulator.clearFaults()
    await lab.json('volume unmount db')
  })

  it('is told to be as after a power cut when the volume is in use elsewhere', async () => {
    await lab.json('volume attach db --initiator iqn.2000-01.x:other --holder host9')
    const { stdout, code } = await lab.run('volume snapshot create db crashy --json')
    expect(code).toBe(0)
    const document = JSON.parse(stdout) as { result: object; warnings: string[] }
    expect(document.result).toMatchObject({ frozen: false })
    expect(document.warnings.join()).toMatch(/host9.*crash-consistent/)
    await lab.json('volume detach db --initiator iqn.2000-01.x:other')
  })
})
