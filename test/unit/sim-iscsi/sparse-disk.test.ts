import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mergeRanges } from '../../../src/lib/sim/store/hole-puncher.js'
import { openSparseDisk } from '../../../src/lib/sim/store/sparse-disk.js'
import type { SparseDisk, SparseDiskOptions } from '../../../src/lib/sim/store/sparse-disk.js'

const mib = 1024 ** 2
let folder: string
let opened: SparseDisk[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-disk-'))
  opened = []
})
afterEach(async () => {
  for (const disk of opened) await disk.close()
  await rm(folder, { recursive: true })
})

async function makeDisk(options: Partial<SparseDiskOptions> = {}): Promise<SparseDisk> {
  const disk = await openSparseDisk(join(folder, 'disk'), { uuid: 'u', sizeBytes: 16 * mib, ...options })
  opened.push(disk)
  return disk
}

describe('sparse disk', () => {
  it('reads what was written, and zeros elsewhere, in small and large requests', async () => {
    const disk = await makeDisk()
    const data = Buffer.alloc(3 * mib, 'abcdefg')
    await disk.write(512, data)
    await disk.flush()
    expect((await disk.read(512, data.length)).equals(data)).toBe(true)
    expect((await disk.read(8 * mib, 4096)).every((byte) => byte === 0)).toBe(true)
    expect((await disk.read(0, 512)).every((byte) => byte === 0)).toBe(true)
  })

  it.each([
    ['holes', undefined],
    ['no holes', () => Promise.resolve(false)],
  ])('zeroes exactly the range with %s', async (_name, punchHole) => {
    const disk = await makeDisk({ punchHole })
    await disk.write(0, Buffer.alloc(16 * mib, 1))
    await disk.zero(mib + 512, 2 * mib + 1024)
    const all = await disk.read(0, 16 * mib)
    expect(all.indexOf(0)).toBe(mib + 512)
    expect(all.lastIndexOf(0)).toBe(3 * mib + 1536 - 1)
  })

  it('gives the space back', async () => {
    const disk = await makeDisk()
    await disk.write(0, Buffer.alloc(16 * mib, 1))
    await disk.flush()
    const before = disk.allocatedBytes()
    await Promise.all([0, 1, 2, 3].map((piece) => disk.zero(piece * 2 * mib, 2 * mib)))
    expect(before - disk.allocatedBytes()).toBeGreaterThanOrEqual(8 * mib)
  })

  it('gives the tail back even where holes are not possible', async () => {
    const disk = await makeDisk({ punchHole: () => Promise.resolve(false) })
    await disk.write(0, Buffer.alloc(16 * mib, 1))
    await disk.zero(0, 16 * mib)
    expect(disk.allocatedBytes()).toBe(0)
    expect((await stat(disk.path)).size).toBe(16 * mib)
  })

  it('merges what waits into few calls', async () => {
    const calls: number[] = []
    const disk = await makeDisk({
      punchHole: async (_path, _offset, length) => {
        calls.push(length)
        await new Promise((resolve) => setTimeout(resolve, 5))
        return true
      },
    })
    await Promise.all(Array.from({ length: 16 }, (_, index) => disk.zero(index * mib, mib)))
    expect(calls).toEqual([16 * mib])
    expect(mergeRanges([5, 1, 3].map((start) => ({ start, end: start + 1 })))).toHaveLength(3)
  })

  it('knows what holds data', async () => {
    const disk = await makeDisk()
    expect(await disk.isAllocated?.(0, 16 * mib)).toBe(false)
    await disk.write(5 * mib, Buffer.from([1]))
    expect(await disk.isAllocated?.(0, 16 * mib)).toBe(true)
    expect(await disk.isAllocated?.(8 * mib, mib)).toBe(false)
  })

  it('grows, keeps reservations over a reopening, and refuses work when closed', async () => {
    const disk = await makeDisk()
    await disk.resize(32 * mib)
    expect(disk.sizeBytes).toBe(32 * mib)
    expect(await disk.loadReservations()).toBeUndefined()
    await disk.saveReservations('{"keys":[]}')
    await disk.close()
    await expect(disk.read(0, 512)).rejects.toMatchObject({ fault: 'hardware-error' })
    const again = await makeDisk({ sizeBytes: 32 * mib })
    expect(await again.loadReservations()).toBe('{"keys":[]}')
    await again.saveReservations(undefined)
    expect(await again.loadReservations()).toBeUndefined()
  })
})
