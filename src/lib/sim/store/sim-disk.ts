import { statSync } from 'node:fs'
import { stat, truncate } from 'node:fs/promises'
import { DiskFault, type TargetDisk } from '../iscsi/target-backend.js'
import type { FaultBoard } from '../faults.js'
import { openSparseDisk, type SparseDisk } from './sparse-disk.js'
import { WriteGuard, type Frozen } from './write-guard.js'

/** Space is looked at again after so many bytes written. */
const measureEveryBytes = 4 * 1024 ** 2

export interface SimDiskHost {
  readonly faults: FaultBoard
  /** Bytes the disk may take on top of what it has now; its container decides. */
  roomFor(disk: SimDisk): number
  /** What faults may call the disk. */
  faultNames(uuid: string): string[]
}

/** A vDisk as the iSCSI target sees it: a sparse file, opened at first use, with faults, capacity and the write guard in front. */
export class SimDisk implements TargetDisk {
  private opened: SparseDisk | undefined
  private opening: Promise<SparseDisk> | undefined
  private readonly guard = new WriteGuard(async (offset, length) => (await this.file()).read(offset, length))
  private unmeasured = 0
  private allocated: number | undefined
  private gone = false
  private growing: Promise<void> = Promise.resolve()

  constructor(
    readonly uuid: string,
    readonly path: string,
    readonly containerUuid: string,
    private size: number,
    private readonly host: SimDiskHost,
  ) {}

  get sizeBytes(): number {
    return this.size
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.strike()
    return (await this.file()).read(offset, length)
  }

  readInto(offset: number, into: Buffer): Promise<void> | undefined {
    this.strike()
    if (this.opened?.readInto) return this.opened.readInto(offset, into)
    return this.read(offset, into.length).then((data) => void data.copy(into))
  }

  async write(offset: number, data: Buffer): Promise<void> {
    await this.writeFrom(offset, data)
  }

  writeFrom(offset: number, data: Buffer): Promise<void> | undefined {
    this.strikeWrite(data.length)
    const { opened } = this
    if (opened?.writeFrom && this.guard.open) {
      const later = opened.writeFrom(offset, data)
      return later && this.guard.track(later)
    }
    return this.guard.write(offset, data.length, this.size, async () => (await this.file()).write(offset, data))
  }

  async flush(): Promise<void> {
    this.strike()
    await (await this.file()).flush()
  }

  async zero(offset: number, length: number): Promise<void> {
    this.strike()
    await this.guard.write(offset, length, this.size, async () => (await this.file()).zero(offset, length))
    this.allocated = undefined
  }

  async isAllocated(offset: number, length: number): Promise<boolean> {
    return (await this.file()).isAllocated?.(offset, length) ?? true
  }

  async loadReservations(): Promise<string | undefined> {
    return (await this.file()).loadReservations()
  }

  async saveReservations(state: string | undefined): Promise<void> {
    await (await this.file()).saveReservations(state)
  }

  /** Grows the disk; one that is as large already stays. */
  async grow(sizeBytes: number): Promise<void> {
    const growing = this.growing.then(async () => {
      if (sizeBytes <= this.size) return
      const file = await this.file()
      await file.resize(sizeBytes)
      await file.flush()
      this.size = sizeBytes
    })
    this.growing = growing.catch(() => undefined)
    await growing
  }

  /** Bytes the file takes on this machine; 0 for one that was never written. */
  allocatedBytes(): number {
    this.allocated ??= this.opened
      ? this.opened.allocatedBytes()
      : (statSync(this.path, { throwIfNoEntry: false })?.blocks ?? 0) * 512
    return this.allocated
  }

  /** See WriteGuard. */
  freeze(): Promise<{ open: () => Frozen }> {
    return this.guard.freeze()
  }

  release(frozen: Frozen): void {
    this.guard.release(frozen)
  }

  /** Gives the descriptor back; the next use opens it again. */
  async rest(): Promise<void> {
    const opened = this.opened ?? (await this.opening)
    this.opened = undefined
    this.opening = undefined
    await opened?.close()
  }

  async discard(): Promise<void> {
    this.gone = true
    await this.rest()
  }

  private file(): Promise<SparseDisk> {
    if (this.gone) return Promise.reject(new DiskFault('hardware-error', 'the disk was deleted'))
    this.opening ??= this.openFile()
    return this.opening
  }

  private async openFile(): Promise<SparseDisk> {
    try {
      const existing = await stat(this.path).catch(() => undefined)
      if (existing && existing.size > this.size) {
        // A resize that crashed before it was recorded.
        await truncate(this.path, this.size)
      }
      this.opened = await openSparseDisk(this.path, { uuid: this.uuid, sizeBytes: this.size })
      return this.opened
    } catch (error) {
      this.opening = undefined
      throw new DiskFault('hardware-error', `${this.path}: ${String(error)}`)
    }
  }

  private strike(): void {
    if (this.host.faults.size === 0) return
    if (this.host.faults.take('disk-error', ...this.host.faultNames(this.uuid)))
      throw new DiskFault('medium-error', 'injected medium error')
  }

  private strikeWrite(length: number): void {
    this.strike()
    if (this.host.faults.size > 0 && this.host.faults.take('disk-full', ...this.host.faultNames(this.uuid)))
      throw new DiskFault('no-space', 'injected: no space')
    this.allocated = undefined
    this.unmeasured += length
    if (this.unmeasured < measureEveryBytes) return
    this.unmeasured = 0
    if (this.host.roomFor(this) <= 0) {
      // Look again at the next write already: until something is freed, none gets through.
      this.unmeasured = measureEveryBytes
      throw new DiskFault('no-space', 'the storage container is full')
    }
  }
}
