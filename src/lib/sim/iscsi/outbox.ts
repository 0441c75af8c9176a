import type { Socket } from 'node:net'

/** A part of a slab that somebody fills; sent by `append`, given back by `discard`. */
export interface Region {
  readonly bytes: Buffer
  readonly slab: Slab
  readonly start: number
}

interface Slab {
  readonly buffer: Buffer
  used: number
  /** Regions that are being filled or sent. */
  users: number
}

interface Piece {
  slab: Slab
  start: number
  end: number
  regions: number
}

const slabSize = 512 * 1024
const sendThreshold = 128 * 1024
const pool: Slab[] = []
const poolLimit = 16

/**
 * What goes out on a connection. PDUs are built side by side in pooled slabs, disk reads straight into them,
 * and one write sends all that has gathered: system calls, not bytes, are what a small request costs.
 */
export class Outbox {
  private slab: Slab | undefined
  private pieces: Piece[] = []
  private queued = 0
  private scheduled = false

  constructor(
    private readonly socket: Socket,
    /** Called when bytes have left the process. */
    private readonly onSent: () => void,
  ) {}

  /** Bytes not yet with the kernel. */
  get backlog(): number {
    return this.queued + this.socket.writableLength
  }

  /** Room for `length` bytes, not zeroed. */
  take(length: number): Region {
    let slab = this.slab
    if (slab?.users === 0) slab.used = 0
    if (!slab || slab.buffer.length - slab.used < length) {
      if (slab) this.retire(slab)
      slab = (length <= slabSize ? pool.pop() : undefined) ?? {
        buffer: Buffer.allocUnsafeSlow(Math.max(length, slabSize)),
        used: 0,
        users: 0,
      }
      this.slab = slab
    }
    const start = slab.used
    slab.used += length
    slab.users += 1
    return { slab, start, bytes: slab.buffer.subarray(start, start + length) }
  }

  /** Puts a region in line, and sends when enough has gathered. */
  append(region: Region): void {
    const last = this.pieces.at(-1)
    const end = region.start + region.bytes.length
    if (last?.slab === region.slab && last.end === region.start) {
      last.end = end
      last.regions += 1
    } else this.pieces.push({ slab: region.slab, start: region.start, end, regions: 1 })
    this.queued += region.bytes.length
    if (this.queued >= sendThreshold) this.flush()
  }

  discard(region: Region): void {
    this.release(region.slab, 1)
  }

  /** Sends after the current turn, together with what else the turn adds. */
  flushSoon(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.flush()
    })
  }

  flush(): void {
    if (this.pieces.length === 0) return
    const pieces = this.pieces
    this.pieces = []
    this.queued = 0
    if (pieces.length > 1) this.socket.cork()
    for (const { slab, start, end, regions } of pieces)
      this.socket.write(slab.buffer.subarray(start, end), () => {
        this.release(slab, regions)
        this.onSent()
      })
    if (pieces.length > 1) this.socket.uncork()
  }

  private retire(slab: Slab): void {
    if (this.slab === slab) this.slab = undefined
    if (slab.users === 0) recycle(slab)
  }

  private release(slab: Slab, regions: number): void {
    slab.users -= regions
    if (slab.users === 0 && slab !== this.slab) recycle(slab)
  }
}

function recycle(slab: Slab): void {
  if (slab.buffer.length !== slabSize || pool.length >= poolLimit) return
  slab.used = 0
  pool.push(slab)
}
