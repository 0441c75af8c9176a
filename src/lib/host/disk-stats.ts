import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostRoots } from './roots.js'

/** The kernel's counters of one block device since it came, at one moment. */
export interface DiskCounters {
  /** Monotonic, ms. */
  atMs: number
  reads: number
  readBytes: number
  /** Sum of the times of all reads, ms. */
  readMs: number
  writes: number
  writtenBytes: number
  writeMs: number
  /** Requests in the device now. */
  inFlight: number
  /** Time in which at least one request was in the device, ms. */
  busyMs: number
}

/** What a disk did between two looks. */
export interface DiskRates {
  readBytesPerSecond: number
  writtenBytesPerSecond: number
  readsPerSecond: number
  writesPerSecond: number
  /** Mean time of a request, as iostat's await, ms; null where there was none. */
  latencyMs: number | null
  /** Share of the time in which the disk had something to do, 0 to 1. */
  busy: number
  inFlight: number
}

/** Counters of a device by its `major:minor`; undefined when it is gone. No I/O: sysfs answers from memory. */
export async function readDiskCounters(
  roots: Pick<HostRoots, 'sysfs'>,
  deviceNumber: string,
): Promise<DiskCounters | undefined> {
  if (!/^\d+:\d+$/.test(deviceNumber)) return undefined
  const text = await readFile(join(roots.sysfs, 'dev', 'block', deviceNumber, 'stat'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parseDiskStat(text, performance.now())
}

/** Linux's Documentation/block/stat.rst: sectors are of 512 bytes, whatever the disk's own are. */
export function parseDiskStat(text: string, atMs: number): DiskCounters | undefined {
  const fields = text.trim().split(/\s+/).map(Number)
  if (fields.length < 11 || fields.some((field) => !Number.isFinite(field))) return undefined
  const [reads, , readSectors, readMs, writes, , writtenSectors, writeMs, inFlight, busyMs] = fields as number[] &
    Record<0 | 2 | 3 | 4 | 6 | 7 | 8 | 9, number>
  return {
    atMs,
    reads,
    readBytes: readSectors * 512,
    readMs,
    writes,
    writtenBytes: writtenSectors * 512,
    writeMs,
    inFlight,
    busyMs,
  }
}

/** Undefined when no time has passed, and when the counters went back: then it is another disk under the same number. */
export function ratesBetween(before: DiskCounters, after: DiskCounters): DiskRates | undefined {
  const ms = after.atMs - before.atMs
  const delta = (key: keyof DiskCounters): number => after[key] - before[key]
  const [reads, writes] = [delta('reads'), delta('writes')]
  if (ms <= 0 || reads < 0 || writes < 0 || delta('readBytes') < 0 || delta('writtenBytes') < 0) return undefined
  const perSecond = (amount: number): number => (amount * 1000) / ms
  return {
    readBytesPerSecond: perSecond(delta('readBytes')),
    writtenBytesPerSecond: perSecond(delta('writtenBytes')),
    readsPerSecond: perSecond(reads),
    writesPerSecond: perSecond(writes),
    latencyMs: reads + writes === 0 ? null : (delta('readMs') + delta('writeMs')) / (reads + writes),
    busy: Math.min(1, Math.max(0, delta('busyMs') / ms)),
    inFlight: after.inFlight,
  }
}
