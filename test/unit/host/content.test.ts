import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import {
  contentOfSignatures,
  deviceContent,
  parseBlkidExport,
  parseWipefs,
  rangesToRead,
} from '../../../src/lib/host/content.js'
import type { Runner } from '../../../src/lib/host/host.js'
import { temporaryFolder } from '../volume/fake-context.js'

const mib = 1024 ** 2

describe('rangesToRead', () => {
  it('always has the first 2 MiB and the last MiB, and stays on the device', () => {
    fc.assert(
      fc.property(fc.integer({ min: 512, max: 70 * 1024 ** 4 }), (sizeBytes) => {
        const ranges = rangesToRead(sizeBytes)
        const covered = (offset: number): boolean =>
          ranges.some(({ start, length }) => offset >= start && offset < start + length)
        for (const offset of [0, 2 * mib - 1, sizeBytes - 1, sizeBytes - mib].filter((at) => at >= 0 && at < sizeBytes))
          expect(covered(offset)).toBe(true)
        for (const { start, length } of ranges) {
          expect(length).toBeGreaterThan(0)
          expect(start + length).toBeLessThanOrEqual(sizeBytes)
        }
      }),
    )
  })

  it('reads a small device in full', () => {
    expect(rangesToRead(3 * mib)).toEqual([{ start: 0, length: 3 * mib }])
    expect(rangesToRead(512)).toEqual([{ start: 0, length: 512 }])
  })
})

describe('contentOfSignatures', () => {
  const ext4 = { ambivalent: false, values: { TYPE: 'ext4', USAGE: 'filesystem', UUID: 'u', LABEL: 'l' } }
  it('takes a filesystem for one only when all tools agree', () => {
    expect(contentOfSignatures(ext4, [{ offset: '0x438', type: 'ext4' }])).toMatchObject({
      state: 'filesystem',
      type: 'ext4',
      uuid: 'u',
      label: 'l',
    })
    const both = [
      { offset: '0x438', type: 'ext4' },
      { offset: '0x218', type: 'LVM2_member' },
    ]
    expect(contentOfSignatures(ext4, both)).toMatchObject({ state: 'data', what: 'ext4, LVM2_member' })
    expect(contentOfSignatures({ ...ext4, ambivalent: true }, both)).toMatchObject({ state: 'data' })
  })

  it('says nothing only when there is nothing', () => {
    const none = { ambivalent: false, values: {} }
    expect(contentOfSignatures(none, [])).toBeUndefined()
    expect(contentOfSignatures(none, [{ offset: '0x1', type: 'zfs_member' }])).toMatchObject({ what: 'zfs_member' })
    expect(contentOfSignatures({ ambivalent: false, values: { PTTYPE: 'gpt' } }, [])).toMatchObject({
      what: 'gpt partition table',
    })
    expect(contentOfSignatures({ ambivalent: false, values: { SBMAGIC: 'x' } }, [])).toMatchObject({ state: 'data' })
  })
})

describe('a look at a device', () => {
  /** A device that holds ext4 once the kernel's cache is flushed, or already before. */
  async function look(seen: 'ext4' | 'stale blank', fresh: boolean): Promise<{ state: string; ran: string[] }> {
    const folder = await temporaryFolder()
    const device = join(folder, 'fake0')
    await writeFile(device, '')
    await mkdir(join(folder, 'class', 'block', 'fake0'), { recursive: true })
    await writeFile(join(folder, 'class', 'block', 'fake0', 'size'), '8192\n')
    const ran: string[] = []
    const runner: Runner = {
      run(command) {
        ran.push(command)
        const shows = seen === 'ext4' || ran.includes('blockdev')
        const blkid = { exitCode: shows ? 0 : 2, stdout: shows ? 'TYPE=ext4\nUSAGE=filesystem\n' : '', stderr: '' }
        const wipefs = { exitCode: 0, stdout: shows ? '0x438,ext4,u,\n' : '', stderr: '' }
        return Promise.resolve(command === 'blkid' ? blkid : wipefs)
      },
    }
    const roots = { proc: folder, sysfs: folder, etc: folder, dev: folder }
    const { state } = await deviceContent({ runner, roots }, device, deadlineIn(5_000), { fresh })
    return { state, ran }
  }

  it('is not into the cache of before', async () => {
    expect(await look('ext4', false)).toEqual({ state: 'filesystem', ran: ['blockdev', 'blkid', 'wipefs'] })
    expect(await look('stale blank', false)).toMatchObject({ state: 'filesystem' })
  })

  it('that was just attached needs no flush to see a filesystem, and one to see nothing', async () => {
    expect(await look('ext4', true)).toEqual({ state: 'filesystem', ran: ['blkid', 'wipefs'] })
    expect(await look('stale blank', true)).toEqual({
      state: 'filesystem',
      ran: ['blkid', 'wipefs', 'blockdev', 'blkid', 'wipefs'],
    })
  })
})

describe('tool output', () => {
  it('is read as captured', () => {
    const blkid = 'DEVNAME=/dev/loop0\nLABEL=my\\ vol\nUUID=0b5c\nVERSION=1.0\nTYPE=ext4\nUSAGE=filesystem\n'
    expect(parseBlkidExport(blkid)).toEqual({
      LABEL: 'my vol',
      UUID: '0b5c',
      VERSION: '1.0',
      TYPE: 'ext4',
      USAGE: 'filesystem',
    })
    expect(parseWipefs('# offset,type,uuid,label\n0x438,ext4,0b5c,my\\x20vol\n')).toEqual([
      { offset: '0x438', type: 'ext4' },
    ])
    expect(parseWipefs('')).toEqual([])
  })
})
