import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { attachVolume } from '../../../src/lib/volume/attach.js'
import type { VolumeContext } from '../../../src/lib/volume/context.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { detachVolume } from '../../../src/lib/volume/detach.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { unmountVolume } from '../../../src/lib/volume/unmount.js'
import { canMount, startMountedLab, type MountedLab } from './mounted-lab.js'

const cycles = 100

describe.skipIf(!canMount('100 cycles'))('attach, mount, write, unmount, detach', () => {
  let lab: MountedLab
  beforeAll(async () => {
    lab = await startMountedLab()
  })
  afterAll(() => lab.close())

  it(`leaves nothing behind after ${cycles} times`, { timeout: 900_000 }, async () => {
    const context = (): VolumeContext => ({
      prism: lab.prism,
      host: lab.host,
      stateFolder: join(lab.folder, 'state'),
      dataServices: lab.simulator.dataServices,
      initiator: 'userspace',
      deadline: deadlineIn(60_000),
    })
    await createVolume(context(), { name: 'db', sizeBytes: 64 * 2 ** 20 })
    const place = lab.place('db')
    await mkdir(place, { recursive: true })
    const mountsBefore = (await lab.host.mounts()).length
    let last = ''
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      await attachVolume(context(), { volume: 'db' })
      const { formatted } = await mountVolume(context(), { volume: 'db', mountPoint: place })
      expect(formatted).toBe(cycle === 0)
      if (cycle > 0) expect(await readFile(join(place, 'file'), 'utf8')).toBe(last)
      last = randomBytes(2_000).toString('hex')
      await writeFile(join(place, 'file'), last)
      await unmountVolume(context(), { volume: 'db', keepAttached: true })
      await detachVolume(context(), { volume: 'db' })
    }
    expect(await lab.leftovers()).toEqual([])
    expect((await lab.host.mounts()).length).toBe(mountsBefore)
    const [group] = await lab.prism.volumeGroups()
    expect(group).toMatchObject({ attachments: [] })
    expect(group?.description).not.toContain('"h":')
  })
})
