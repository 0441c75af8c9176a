import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultBoard } from '../../../../src/lib/sim/faults.js'
import { DiskFiles } from '../../../../src/lib/sim/store/disk-files.js'
import { copyBlocks } from '../../../../src/lib/sim/store/sparse-copy.js'

const mib = 1024 * 1024
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-sim-copy-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('a copy of a disk in use', () => {
  it('shows one moment, though writes go on all the while', async () => {
    const sizeBytes = 96 * mib
    const record = { uuid: 'source', sizeBytes, containerUuid: 'c', index: 0 }
    const host = { faults: new FaultBoard(), room: () => Infinity, faultNames: () => [] }
    const files = await DiskFiles.open(folder, silent, host)
    await files.make([{ uuid: 'source', sizeBytes, containerUuid: 'c' }], () => undefined)
    const disk = files.disk(record)
    for (let at = 0; at < sizeBytes; at += mib) await disk.write(at, Buffer.alloc(mib, 0xab))
    // Write number n puts n into the first bytes of block n mod 96: the copy must hold a prefix of all writes.
    const blocks = sizeBytes / mib
    const stop = new AbortController()
    let writes = 0
    const writing = (async () => {
      for (; !stop.signal.aborted; writes += 1) {
        const data = Buffer.alloc(4096)
        data.writeUInt32BE(writes + 1)
        await disk.write((writes % blocks) * mib, data)
        if (writes % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (let copy = 0; copy < 5; copy += 1) {
      const before = writes
      await files.make([{ uuid: `copy-${copy}`, sizeBytes, containerUuid: 'c', sourceUuid: 'source' }], () => record)
      expect(writes).toBeGreaterThan(before)
      const file = await open(join(folder, `copy-${copy}.raw`), 'r')
      const numbers: number[] = []
      for (let block = 0; block < blocks; block += 1) {
        const { buffer } = await file.read(Buffer.alloc(4), 0, 4, block * mib)
        const value = buffer.readUInt32BE()
        numbers.push(value === 0xabababab ? 0 : value)
      }
      await file.close()
      const last = Math.max(...numbers)
      const expected = numbers.map((_, block) => {
        const latest = last - 1 - ((((last - 1 - block) % blocks) + blocks) % blocks)
        return latest < 0 ? 0 : latest + 1
      })
      expect(numbers).toEqual(expected)
    }
    stop.abort()
    await writing
    await files.close()
  })

  it('keeps holes as holes, without any tool', async () => {
    const source = join(folder, 'a')
    await writeFile(source, '')
    const file = await open(source, 'r+')
    await file.truncate(512 * mib)
    await file.write(Buffer.from('begin'), 0, 5, 0)
    await file.write(Buffer.from('end'), 0, 3, 512 * mib - 3)
    await file.close()
    const target = join(folder, 'b')
    await copyBlocks(source, target)
    const { size, blocks } = await stat(target)
    expect(size).toBe(512 * mib)
    expect(blocks * 512).toBeLessThan(4 * mib)
    const copy = await open(target, 'r')
    const { buffer } = await copy.read(Buffer.alloc(3), 0, 3, 512 * mib - 3)
    await copy.close()
    expect(buffer.toString()).toBe('end')
  })
})
