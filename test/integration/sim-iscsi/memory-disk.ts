import type { TargetDisk } from '../../../src/lib/sim/iscsi/target-backend.js'

/** A disk in memory that answers late, as a busy store would, with switches for what tests need. */
export class MemoryDisk implements TargetDisk {
  content: Buffer
  kept: string | undefined
  flushes = 0
  /** Thrown by the next reads and writes. */
  fault: Error | undefined
  /** Writes wait for this. */
  gate: Promise<void> | undefined

  constructor(
    readonly uuid: string,
    sizeBytes = 4 * 1024 ** 2,
  ) {
    this.content = Buffer.alloc(sizeBytes)
  }

  get sizeBytes(): number {
    return this.content.length
  }

  async read(offset: number, length: number): Promise<Buffer> {
    await Promise.resolve()
    if (this.fault) throw this.fault
    return Buffer.from(this.content.subarray(offset, offset + length))
  }

  async write(offset: number, data: Buffer): Promise<void> {
    await this.gate
    if (this.fault) throw this.fault
    data.copy(this.content, offset)
  }

  flush(): Promise<void> {
    this.flushes += 1
    return Promise.resolve()
  }

  zero(offset: number, length: number): Promise<void> {
    this.content.fill(0, offset, offset + length)
    return Promise.resolve()
  }

  isAllocated(offset: number, length: number): Promise<boolean> {
    return Promise.resolve(this.content.subarray(offset, offset + length).some((byte) => byte !== 0))
  }

  loadReservations(): Promise<string | undefined> {
    return Promise.resolve(this.kept)
  }

  saveReservations(state: string | undefined): Promise<void> {
    this.kept = state
    return Promise.resolve()
  }
}
