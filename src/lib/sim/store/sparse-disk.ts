import { fstatSync, readSync, writeSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { errorCode } from '../../base/errors.js'
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
const pieceSize = 1024 * 1024
const zeroes = Buffer.alloc(pieceSize)

/**
 * Opens the file at `path` as a disk; makes it when absent, extends it when shorter than `sizeBytes`, and
 * leaves a longer one alone. Its methods throw `DiskFault`; opening throws the file system's error.
 */
export async function openSparseDisk(path: string, options: SparseDiskOptions): Promise<SparseDisk> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return open(path, 'wx+', 0o600)
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
  /** Whether a 1 MiB piece holds data, for pieces that were written or asked about. */
  private readonly pieces = new Map<number, boolean>()
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
      this.noteZero(offset, end)
    } catch (error) {
      throw faultOf(error, 'zero')
    }
  }

  /** Content decides: a part of the file that is all zeros reads the same mapped or not. Each piece is looked at once. */
  isAllocated(offset: number, length: number): Promise<boolean> {
    try {
      return Promise.resolve(this.holdsData(offset, length))
    } catch (error) {
      return Promise.reject(faultOf(error, 'look'))
    }
  }

  async loadReservations(): Promise<string | undefined> {
    try {
      return await readFile(this.reservationsPath, 'utf8')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
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

  private holdsData(offset: number, length: number): boolean {
    const descriptor = this.descriptor()
    for (let piece = Math.floor(offset / pieceSize); piece * pieceSize < offset + length; piece += 1) {
      let state = this.pieces.get(piece)
      if (state === undefined) {
        if (this.allocatedBytes() === 0) return false
        state = hasContent(descriptor, piece * pieceSize, Math.min(pieceSize, this.size - piece * pieceSize))
        this.pieces.set(piece, state)
      }
      if (state) return true
    }
    return false
  }

  private noteWrite(offset: number, length: number): void {
    if (length === 0) return
    const last = Math.floor((offset + length - 1) / pieceSize)
    for (let piece = Math.floor(offset / pieceSize); piece <= last; piece += 1) this.pieces.set(piece, true)
  }

  private noteZero(start: number, end: number): void {
    // A piece that is zeroed in part is looked at again.
    const first = Math.floor(start / pieceSize)
    const last = Math.floor((end - 1) / pieceSize)
    if (last - first < this.pieces.size) for (let piece = first; piece <= last; piece += 1) this.pieces.delete(piece)
    else for (const piece of this.pieces.keys()) if (piece >= first && piece <= last) this.pieces.delete(piece)
  }

  /** The number is reused by the kernel after a close, so it is never handed out then. */
  private descriptor(): number {
    if (this.closed) throw new DiskFault('hardware-error', `${this.path} is closed`)
    return this.file.fd
  }

  private writeAt(offset: number, data: Buffer): void {
    const descriptor = this.descriptor()
    this.noteWrite(offset, data.length)
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
      this.noteWrite(offset, data.length)
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
      if (hasContent(this.descriptor(), at, length)) await this.writeInThread(at, zeroes.subarray(0, length))
    }
  }
}

const probe = Buffer.allocUnsafe(pieceSize)

/** Data mostly shows in the first block; only a piece that begins with zeros is read whole. */
function hasContent(descriptor: number, offset: number, length: number): boolean {
  return [Math.min(blockSize, length), length].some((size) => {
    const count = readSync(descriptor, probe, 0, size, offset)
    return probe.compare(zeroes, 0, count, 0, count) !== 0
  })
}

function faultOf(error: unknown, doing: string): DiskFault {
  if (error instanceof DiskFault) return error
  const code = errorCode(error)
  const fault = code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : code === 'EIO' ? 'medium-error' : 'hardware-error'
  return new DiskFault(fault, `${doing} failed: ${error instanceof Error ? error.message : String(error)}`)
}
