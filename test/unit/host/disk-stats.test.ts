import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDiskStat, ratesBetween, readDiskCounters } from '../../../src/lib/host/disk-stats.js'
import { temporaryFolder } from '../volume/fake-context.js'

/** Of a loop device under Linux 6.18, with the fields for discards and flushes. */
const captured =
  '     101        3     2404      112      460       17    58720      690        2      683      802        7        0     1024       11       13        4\n'

describe('the counters of a disk', () => {
  it('are read by their places, sectors of 512 bytes', () => {
    expect(parseDiskStat(captured, 5)).toEqual({
      atMs: 5,
      reads: 101,
      readBytes: 2404 * 512,
      readMs: 112,
      writes: 460,
      writtenBytes: 58720 * 512,
      writeMs: 690,
      inFlight: 2,
      busyMs: 683,
    })
    // As kernels before 4.18 have them.
    expect(parseDiskStat('1 2 3 4 5 6 7 8 9 10 11', 0)).toMatchObject({ reads: 1, writes: 5, inFlight: 9, busyMs: 10 })
  })

  it.each(['', '1 2 3', 'a b c d e f g h i j k'])('are none in %j', (text) => {
    expect(parseDiskStat(text, 0)).toBeUndefined()
  })

  it('are found by the device number, and only by one', async () => {
    const sysfs = await temporaryFolder()
    mkdirSync(join(sysfs, 'dev/block/7:3'), { recursive: true })
    writeFileSync(join(sysfs, 'dev/block/7:3/stat'), captured)
    expect(await readDiskCounters({ sysfs }, '7:3')).toMatchObject({ reads: 101 })
    expect(await readDiskCounters({ sysfs }, '7:4')).toBeUndefined()
    expect(await readDiskCounters({ sysfs }, '../block/7:3')).toBeUndefined()
  })
})

describe('the rates between two looks', () => {
  const before = { atMs: 1_000, reads: 10, readBytes: 100, readMs: 5, writes: 0, writtenBytes: 0, writeMs: 0, inFlight: 0, busyMs: 50 } // prettier-ignore

  it('are what happened in a second', () => {
    const after = { atMs: 3_000, reads: 30, readBytes: 20_100, readMs: 25, writes: 20, writtenBytes: 4_000, writeMs: 60, inFlight: 3, busyMs: 550 } // prettier-ignore
    expect(ratesBetween(before, after)).toEqual({
      readBytesPerSecond: 10_000,
      writtenBytesPerSecond: 2_000,
      readsPerSecond: 10,
      writesPerSecond: 10,
      latencyMs: 2,
      busy: 0.25,
      inFlight: 3,
    })
  })

  it('know no latency of nothing', () => {
    expect(ratesBetween(before, { ...before, atMs: 2_000 })).toMatchObject({
      readsPerSecond: 0,
      latencyMs: null,
      busy: 0,
    })
  })

  it('are none for another disk under the same number, and none without time', () => {
    expect(ratesBetween(before, { ...before, atMs: 2_000, reads: 3 })).toBeUndefined()
    expect(ratesBetween(before, { ...before, atMs: 2_000, readBytes: 3 })).toBeUndefined()
    expect(ratesBetween(before, before)).toBeUndefined()
  })

  it('are never negative, infinite or busier than always', () => {
    const counter = fc.nat({ max: 2 ** 40 })
    const counters = fc.record({ atMs: counter, reads: counter, readBytes: counter, readMs: counter, writes: counter, writtenBytes: counter, writeMs: counter, inFlight: counter, busyMs: counter }) // prettier-ignore
    fc.assert(
      fc.property(counters, counters, (one, other) => {
        const rates = ratesBetween(one, other)
        if (!rates) return
        const numbers = Object.values({ ...rates, latencyMs: 0 })
        for (const value of numbers) expect(value).toBeGreaterThanOrEqual(0)
        expect(numbers.every(Number.isFinite)).toBe(true)
        expect(rates.busy).toBeLessThanOrEqual(1)
      }),
    )
  })
})
