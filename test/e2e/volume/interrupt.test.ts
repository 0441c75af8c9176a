import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseDescription } from '../../../src/lib/volume/trailer.js'
import { canMount, startMountedLab, type MountedLab } from './mounted-lab.js'

/** A mkfs that has written a good part, without a superblock yet, and goes on for long. */
const slowMkfs = `#!/bin/sh
for device; do :; done
dd if=/dev/urandom of="$device" bs=64K count=24 seek=1 conv=notrunc,fsync status=none
: > "$0.started"
exec sleep 60
`

describe.skipIf(!canMount('an interrupted mkfs'))('a mkfs that does not end', () => {
  let lab: MountedLab
  let tools: string
  let marker: string
  let name = ''
  let count = 0
  beforeAll(async () => {
    lab = await startMountedLab()
    tools = join(lab.folder, 'tools')
    await mkdir(tools)
    const mkfs = join(tools, 'mkfs.ext4')
    await writeFile(mkfs, slowMkfs)
    await chmod(mkfs, 0o755)
    marker = `${mkfs}.started`
  })
  afterEach(async () => {
    await rm(marker, { force: true })
    await lab.clean()
  })
  afterAll(() => lab.close())

  /** Starts a first mount and waits until its mkfs has written something. */
  async function mountUntilMkfs() {
    count += 1
    name = `v${count}`
    await lab.json(`volume create ${name} --size 64M`)
    const running = lab.start(`volume mount ${name} --path ${lab.place(name)} --json`, {
      PATH: `${tools}:${process.env.PATH ?? ''}`,
    })
    for (let waited = 0; !existsSync(marker) && waited < 20_000; waited += 50) await delay(50)
    expect(existsSync(marker)).toBe(true)
    return running
  }

  async function token() {
    const group = (await lab.prism.volumeGroups()).find((candidate) => candidate.name === name)
    return { group: group!, fmt: parseDescription(group?.description ?? '').trailer?.fmt }
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('is ended by %s, and what it wrote is taken back', async (signal) => {
    const running = await mountUntilMkfs()
    running.process.kill(signal)
    const { code, stdout } = await running.ended
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'EACSINTERRUPTED' } })
    const { group, fmt } = await token()
    expect(fmt).toEqual({ t: expect.any(String) as string })
    expect(group.attachments).toEqual([])
    expect(await lab.leftovers()).toEqual([])
    expect(await lab.json(`volume mount ${name} --path ${lab.place(name)}`)).toMatchObject({ formatted: true })
  })

  it('that died with acs is begun again on this machine, and refused on another', async () => {
    const running = await mountUntilMkfs()
    running.process.kill('SIGKILL')
    await running.ended
    const { fmt } = await token()
    expect(fmt?.u).toBeDefined()
    const other = { ACS_STATE_DIR: join(lab.folder, 'other-state'), ACS_RUN_DIR: join(lab.folder, 'other-run') }
    const elsewhere = lab.place(`${name}-elsewhere`)
    expect(await lab.failure(`volume mount ${name} --path ${elsewhere}`, other)).toMatchObject({ code: 'EACSHELD' })
    const refused = await lab.failure(`volume mount ${name} --path ${elsewhere} --take-over --yes`, other)
    expect(refused).toMatchObject({ exit: 5, code: 'EACSNOTBLANK' })
    expect(refused.message).toContain('began on')
    expect((await token()).fmt).toEqual(fmt)

    // The other machine gave it back; this one still has its dead session to clean up.
    expect(await lab.run(`volume detach ${name}`)).toMatchObject({ code: 0 })
    const place = lab.place(name)
    expect(await lab.json(`volume mount ${name} --path ${place}`)).toMatchObject({ formatted: true })
    expect((await stat(join(place, 'lost+found'))).isDirectory()).toBe(true)
    await lab.json(`volume unmount ${name}`)
    expect(await lab.leftovers()).toEqual([])
  })
})
