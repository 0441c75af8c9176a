import type { FileHandle } from 'node:fs/promises'

const pieceBytes = 256 * 1024
const zeroes = Buffer.alloc(pieceBytes)

/**
 * What keeps a copy of a disk in use from tearing. From `freeze` to `release` each piece of the source is
 * read and kept before its first write; afterwards `restore` puts the kept pieces over the copy, which
 * then shows the disk as it was at the freeze, however long the copying took.
 */
export class WriteGuard {
  private readonly frozen = new Set<Frozen>()
  private writes = 0
  private closedBy: Promise<void> | undefined
  private quiet: (() => void) | undefined

  constructor(private readonly read: (offset: number, length: number) => Promise<Buffer>) {}

  /** True while writes may pass without asking: the fast path. */
  get open(): boolean {
    return this.frozen.size === 0 && !this.closedBy
  }

  /** Wraps one write (or zeroing) that has not begun. */
  async write(
    offset: number,
    length: number,
    sizeBytes: number,
    perform: () => Promise<void> | undefined,
  ): Promise<void> {
    while (this.closedBy) await this.closedBy
    this.writes += 1
    try {
      for (const frozen of this.frozen) await frozen.keep(offset, length, sizeBytes)
      await perform()
    } finally {
      this.leave()
    }
  }

  /** Counts a write on the fast path whose end comes later. */
  async track(write: Promise<void>): Promise<void> {
    this.writes += 1
    try {
      await write
    } finally {
      this.leave()
    }
  }

  /** Holds new writes back, waits for those under way; `open` lets them go on, now under guard. */
  async freeze(): Promise<{ open: () => Frozen }> {
    while (this.closedBy) await this.closedBy
    let letGo: () => void = () => undefined
    this.closedBy = new Promise((resolve) => (letGo = resolve))
    if (this.writes > 0) await new Promise<void>((resolve) => (this.quiet = resolve))
    return {
      open: () => {
        const frozen = new Frozen(this.read)
        this.frozen.add(frozen)
        this.closedBy = undefined
        letGo()
        return frozen
      },
    }
  }

  release(frozen: Frozen): void {
    this.frozen.delete(frozen)
  }

  private leave(): void {
    this.writes -= 1
    if (this.writes > 0) return
    this.quiet?.()
    this.quiet = undefined
  }
}

/** A disk's content at one moment: the file, and what has been kept of it since. */
export class Frozen {
  /** `undefined`: the piece was all zeros, which needs no memory. */
  private readonly kept = new Map<number, Promise<Buffer | undefined>>()
  private length = 0

  constructor(private readonly read: (offset: number, length: number) => Promise<Buffer>) {}

  async keep(offset: number, length: number, sizeBytes: number): Promise<void> {
    this.length = Math.max(this.length, sizeBytes)
    const end = Math.min(offset + length, sizeBytes)
    for (let piece = Math.floor(offset / pieceBytes); piece * pieceBytes < end; piece += 1) {
      const start = piece * pieceBytes
      let kept = this.kept.get(piece)
      if (!kept) {
        kept = this.read(start, Math.min(pieceBytes, sizeBytes - start)).then(dataOrNothing)
        this.kept.set(piece, kept)
      }
      await kept
    }
  }

  async restore(target: FileHandle): Promise<void> {
    for (const [piece, kept] of this.kept) {
      const start = piece * pieceBytes
      const data = (await kept) ?? zeroes.subarray(0, Math.min(pieceBytes, this.length - start))
      await target.write(data, 0, data.length, start)
    }
  }
}

function dataOrNothing(data: Buffer): Buffer | undefined {
  return data.compare(zeroes, 0, data.length) === 0 ? undefined : data
}
