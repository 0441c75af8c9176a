import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'
import { canMount, checksum, startMountedLab, type MountedLab } from './mounted-lab.js'

const deadline = () => deadlineIn(60_000)

describe.skipIf(!canMount('a volume with several readers', ['mkfs.xfs']))('a read-only volume', () => {
  let lab: MountedLab
  beforeAll(async () => {
    lab = await startMountedLab()
  })
  afterEach(() => lab.clean())
  afterAll(() => lab.close())

  /** Another machine to acs: its own state, initiator name and disks. */
  const machine = (name: string): Record<string, string> => ({
    ACS_STATE_DIR: join(lab.folder, name, 'state'),
    ACS_RUN_DIR: join(lab.folder, name, 'run'),
  })
  /** Its line in mountinfo, with the filesystem's own options at the end. */
  const mountAt = async (place: string): Promise<string> =>
    (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').find((line) => line.includes(` ${place} `)) ?? ''
  /** The disk as the cluster has it. */
  const diskSum = async (uuid: string): Promise<string> =>
    checksum(join(lab.folder, 'sim', 'disks', await fileOf(uuid)))
  const fileOf = async (uuid: string): Promise<string> => {
    const names = await readdir(join(lab.folder, 'sim', 'disks'))
    return names.find((name) => name.startsWith(uuid)) ?? ''
  }

  it.each([
    ['ext4', '64M'],
    ['xfs', '320M'],
  ])('%s of a crash is recovered by the first reader alone, and not written by any after it', async (fs, size) => {
    const source = lab.place(`source-${fs}`)
    await lab.json(`volume create source-${fs} --size ${size} --fs ${fs}`)
    await lab.json(`volume mount source-${fs} --path ${source}`)
    await writeFile(join(source, 'file'), randomBytes(2_000_000), { flush: true })
    const sum = await checksum(join(source, 'file'))
    await lab.json(`volume create ${fs} --from source-${fs} --no-freeze --read-only`)
    await lab.json(`volume unmount source-${fs}`)

    const [a, b] = [machine(`a-${fs}`), machine(`b-${fs}`)]
    const [placeA, placeB] = [lab.place(`a-${fs}`), lab.place(`b-${fs}`)]
    const { disks } = await lab.json(`volume show ${fs}`)
    const [{ uuid }] = disks as [{ uuid: string }]
    const crashed = await diskSum(uuid)
    try {
      await lab.json(`volume mount ${fs} --path ${placeA}`, a)
      expect(await checksum(join(placeA, 'file'))).toBe(sum)
      const recovered = await diskSum(uuid)
      expect(recovered).not.toBe(crashed)

      await lab.json(`volume mount ${fs} --path ${placeB}`, b)
      expect(await checksum(join(placeB, 'file'))).toBe(sum)
      // Neither mount looks at the journal, or xfs would write to its log half a minute later.
      for (const place of [placeA, placeB]) expect(await mountAt(place)).toMatch(/ ro,.* ro,.*norecovery/)
      await expect(writeFile(join(placeB, 'file'), 'x')).rejects.toThrow('EROFS')
      expect(await lab.json(`volume show ${fs}`)).toMatchObject({ state: 'read', readOnly: true })
      expect(await lab.json(`volume explain ${fs}`, a)).toMatchObject({ state: 'read' })
      expect(await lab.failure(`volume attach ${fs}`)).toMatchObject({ exit: 5, code: 'EACSHELD' })

      await lab.json(`volume unmount ${fs}`, a)
      expect(await checksum(join(placeB, 'file'))).toBe(sum)
      await lab.json(`volume unmount ${fs}`, b)
      expect(await diskSum(uuid)).toBe(recovered)
      expect(await lab.json(`volume show ${fs}`)).toMatchObject({ state: 'free' })
      // The next first reader replays again. ext4 has nothing to; xfs cannot mark its log as clean on a read-only mount.
      await lab.json(`volume mount ${fs} --path ${placeB}`, b)
      await lab.json(`volume unmount ${fs}`, b)
      if (fs === 'ext4') expect(await diskSum(uuid)).toBe(recovered)
      expect(await lab.leftovers()).toEqual([])
    } finally {
      for (const env of [a, b]) await clean(env)
    }
  })

  async function clean(env: Record<string, string>): Promise<void> {
    const host = createHostMachine({ stateFolder: env.ACS_STATE_DIR!, runtimeFolder: env.ACS_RUN_DIR! })
    const left = await (await host.initiator('userspace', deadline())).attached(deadline())
    for (const mount of (await host.mounts()).reverse())
      if (left.some((disk) => disk.deviceNumber === mount.deviceNumber))
        await host.unmount(mount.mountPoint, deadline())
    const initiator = await host.initiator('userspace', deadline())
    for (const disk of left) await initiator.detach({ ...disk, portal: lab.env.ACS_DATA_SERVICES ?? '' }, deadline())
    await initiator.sweep(deadline())
  }
})
