import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canMount, checksum, startMountedLab, type MountedLab } from './mounted-lab.js'

/** The kernel wants CAP_SYS_RESOURCE for ext4's online resize, which containers often lack. */
const capSysResource = 1n << 24n
const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
const filesystems = [
  { fs: 'xfs', online: true },
  { fs: 'ext4', online: (BigInt(`0x${capabilities}`) & capSysResource) !== 0n },
]

describe.skipIf(!canMount('resize under mount', ['mkfs.xfs', 'xfs_growfs']))('resize while mounted', () => {
  let lab: MountedLab
  beforeAll(async () => {
    lab = await startMountedLab()
  })
  afterEach(() => lab.clean())
  afterAll(() => lab.close())

  it.each(filesystems)('$fs grows under its files', async ({ fs, online }) => {
    const place = lab.place(fs)
    await lab.json(`volume create ${fs} --size 320M --fs ${fs}`)
    await lab.json(`volume mount ${fs} --path ${place}`)
    await writeFile(join(place, 'file'), randomBytes(3_000_000))
    const sum = await checksum(join(place, 'file'))
    const sizeOf = async () => {
      const { blocks, bsize } = await statfs(place)
      return blocks * bsize
    }
    const before = await sizeOf()
    if (online) {
      expect(await lab.json(`volume resize ${fs} 512M`)).toMatchObject({ filesystemGrown: true, remaining: [] })
      expect((await sizeOf()) - before).toBeGreaterThan(150 * 2 ** 20)
      expect(await lab.json(`volume resize ${fs} 512M`)).toMatchObject({ filesystemGrown: true })
    } else {
      // The disk has grown, the rest is told: partly done.
      const failure = await lab.failure(`volume resize ${fs} 512M`)
      expect(failure).toMatchObject({ exit: 7, code: 'EACSGROW' })
    }
    expect(await lab.json(`volume show ${fs}`)).toMatchObject({ sizeBytes: 512 * 2 ** 20 })
    expect(await checksum(join(place, 'file'))).toBe(sum)
    await lab.json(`volume unmount ${fs}`)
    expect(await lab.leftovers()).toEqual([])
  })
})
