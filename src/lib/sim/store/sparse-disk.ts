import { fstatSync, readSync, writeSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { removeDurably, writeDurably } from '../../base/durable-file.js'
import { DiskFault } from '../iscsi/target-backend.js'
import type { TargetDisk } from '../iscsi/target-backend.js'
import { HolePuncher } from './hole-puncher.js'
import type { PunchHole } from './hole-puncher.js'

/** A disk that is one sparse file. */
export interface SparseDisk extends TargetDisk {
  readonly path: string
  /** Bytes that the file really takes on the machine. */
  allocatedBytes(): number
  /** Grows or shrinks the file; the new part reads as zeros. */
  resize(sizeBytes: number): Promise<void>
  close(): Promise<void>
}

export interface SparseDiskOptions {
  uuid: string
  sizeBytes: number
  /** Gives ranges of the file back to the filesystem; default: util-linux's `fallocate`. */
  punchHole?: PunchHole
  /** Where persistent reservations are kept; default: the disk's path + `.reservations`. */
  reservationsPath?: string
}

/** Requests up to this size skip the thread pool: for cached pages the hop costs more than the copy. */
const directLimit = 512 * 1024
const blockSize = 4096
const zeroes = Buffer.alloc(1024 * 1024)

/**
 * Opens the file at `path` as a disk; makes it when absent, extends it when shorter than `sizeBytes`, and
 * leaves a longer one alone. Its methods throw `DiskFault`; opening throws the file system's error.
 */
export async function openSparseDisk(path: string, options: SparseDiskOptions): Promise<SparseDisk> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return open(path, 'wx+', 0o600)
    throw error
  })
  try {
    if ((await file.stat()).size < options.sizeBytes) await file.truncate(options.sizeBytes)
  } catch (error) {
    await file.close()
    throw error
  }
  return new FileDisk(path, file, options)
}

class FileDisk implements SparseDisk {
  readonly uuid: string
  private size: number
  private closed = false
  private readonly puncher: HolePuncher
  private readonly reservationsPath: string

  constructor(
    readonly path: string,
    private readonly file: FileHandle,
    options: SparseDiskOptions,
  ) {
    this.uuid = options.uuid
    this.size = options.sizeBytes
    this.puncher = new HolePuncher(path, options.punchHole)
    this.reservationsPath = options.reservationsPath ?? `${path}.reservations`
  }

  get sizeBytes(): number {
    return this.size
  }

  allocatedBytes(): number {
    return fstatSync(this.descriptor()).blocks * 512
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const into = Buffer.allocUnsafe(length)
    await this.readInto(offset, into)
    return into
  }

  async write(offset: number, data: Buffer): Promise<void> {
    await this.writeFrom(offset, data)
  }

  readInto(offset: number, into: Buffer): Promise<void> | undefined {
    if (into.length > directLimit) return this.readInThread(offset, into)
    try {
      const descriptor = this.descriptor()
      let done = 0
      while (done < into.length) {
        const count = readSync(descriptor, into, done, into.length - done, offset + done)
        if (count === 0) break
        done += count
      }
      into.fill(0, done)
      return undefined
    } catch (error) {
      throw faultOf(error, 'read')
    }
  }

  writeFrom(offset: number, data: Buffer): Promise<void> | undefined {
    if (data.length > directLimit) return this.writeInThread(offset, data)
    try {
      this.writeAt(offset, data)
      return undefined
    } catch (error) {
      throw faultOf(error, 'write')
    }
  }

  async flush(): Promise<void> {
    try {
      this.descriptor()
      await this.file.datasync()
    } catch (error) {
      throw faultOf(error, 'flush')
    }
  }

  async zero(offset: number, length: number): Promise<void> {
    try {
      this.descriptor()
      const end = offset + length
      const holeStart = Math.ceil(offset / blockSize) * blockSize
      // The last block of a file may be a part of one and still be given back whole.
      const holeEnd = end === this.size ? end : Math.floor(end / blockSize) * blockSize
      const punched = holeStart < holeEnd && (await this.puncher.punch(holeStart, holeEnd - holeStart))
      if (punched) {
        this.writeZeroes(offset, holeStart)
        this.writeZeroes(holeEnd, end)
      } else await this.overwriteWithZeroes(offset, end)
    } catch (error) {
      throw faultOf(error, 'zero')
    }
  }

  /** Content decides: a part of the file that is all zeros reads the same mapped or not. */
  isAllocated(offset: number, length: number): Promise<boolean> {
    if (this.allocatedBytes() === 0) return Promise.resolve(false)
    const piece = Buffer.allocUnsafe(Math.min(length, zeroes.length))
    for (let at = 0; at < length; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, length - at))
      readSync(this.descriptor(), part, 0, part.length, offset + at)
      if (part.compare(zeroes, 0, part.length) !== 0) return Promise.resolve(true)
    }
    return Promise.resolve(false)
  }

  async loadReservations(): Promise<string | undefined> {
    try {
      return await readFile(this.reservationsPath, 'utf8')
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async saveReservations(state: string | undefined): Promise<void> {
    if (state === undefined) await removeDurably(this.reservationsPath)
    else await writeDurably(this.reservationsPath, state)
  }

  async resize(sizeBytes: number): Promise<void> {
    this.descriptor()
    await this.file.truncate(sizeBytes)
    this.size = sizeBytes
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.puncher.idle()
    await this.file.close()
  }

  /** The number is reused by the kernel after a close, so it is never handed out then. */
  private descriptor(): number {
    if (this.closed) throw new DiskFault('hardware-error', `${this.path} is closed`)
    return this.file.fd
  }

  private writeAt(offset: number, data: Buffer): void {
    const descriptor = this.descriptor()
    let done = 0
    while (done < data.length) done += writeSync(descriptor, data, done, data.length - done, offset + done)
  }

  private async readInThread(offset: number, into: Buffer): Promise<void> {
    try {
      this.descriptor()
      let done = 0
      while (done < into.length) {
        const { bytesRead } = await this.file.read(into, done, into.length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      into.fill(0, done)
    } catch (error) {
      throw faultOf(error, 'read')
    }
  }

  private async writeInThread(offset: number, data: Buffer): Promise<void> {
    try {
      this.descriptor()
      let done = 0
      while (done < data.length) {
        const { bytesWritten } = await this.file.write(data, done, data.length - done, offset + done)
        done += bytesWritten
      }
    } catch (error) {
      throw faultOf(error, 'write')
    }
  }

  private writeZeroes(start: number, end: number): void {
    if (start < end) this.writeAt(start, zeroes.subarray(0, end - start))
  }

  /**
   * Without holes: a tail is cut off and grown again, which gives its space back; elsewhere zeros are written
   * where there is anything else, so that a range never used stays unallocated.
   */
  private async overwriteWithZeroes(start: number, end: number): Promise<void> {
    if (end === this.size) {
      await this.file.truncate(start)
      await this.file.truncate(this.size)
      return
    }
    for (let at = start; at < end; at += zeroes.length) {
      const length = Math.min(zeroes.length, end - at)
      if (await this.isAllocated(at, length)) await this.writeInThread(at, zeroes.subarray(0, length))
    }
  }
}

function faultOf(error: unknown, doing: string): DiskFault {
  if (error instanceof DiskFault) return error
  const code = errnoOf(error)
  const fault = code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : code === 'EIO' ? 'medium-error' : 'hardware-error'
  return new DiskFault(fault, `${doing} failed: ${error instanceof Error ? error.message : String(error)}`)
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
