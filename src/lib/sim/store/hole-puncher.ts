import { execFile } from 'node:child_process'

/** Gives a range of a file back to its filesystem. `false`: not possible here, the caller writes zeros instead. */
export type PunchHole = (path: string, offset: number, length: number) => Promise<boolean>

interface Range {
  start: number
  end: number
}

interface Batch {
  ranges: Range[]
  done: Promise<boolean>
}

/**
 * Punches holes in one file, one call at a time: what arrives meanwhile is merged into one next batch, so that
 * a mkfs that discards a whole disk in many small pieces costs few calls.
 */
export class HolePuncher {
  private running: Promise<boolean> = Promise.resolve(true)
  private next: Batch | undefined
  private impossible = false

  constructor(
    private readonly path: string,
    private readonly punchHole: PunchHole = punchWithFallocate,
  ) {}

  /** Resolves once the range is a hole; `false` when holes are not possible here. */
  punch(offset: number, length: number): Promise<boolean> {
    if (this.impossible) return Promise.resolve(false)
    if (!this.next) {
      const batch: Batch = { ranges: [], done: this.running.then(() => this.run(batch)) }
      this.next = batch
      this.running = batch.done.catch(() => false)
    }
    this.next.ranges.push({ start: offset, end: offset + length })
    return this.next.done
  }

  async idle(): Promise<void> {
    await this.running
  }

  private async run(batch: Batch): Promise<boolean> {
    this.next = undefined
    for (const { start, end } of mergeRanges(batch.ranges)) {
      if (this.impossible || !(await this.punchHole(this.path, start, end - start))) {
        this.impossible = true
        return false
      }
    }
    return true
  }
}

/** Fewest ranges that cover the same bytes. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: Range[] = []
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end)
    else merged.push({ ...range })
  }
  return merged
}

/** util-linux, which every Debian has; Node has no fallocate of its own. */
const punchWithFallocate: PunchHole = (path, offset, length) =>
  new Promise((resolve) => {
    const argv = ['--punch-hole', '--offset', String(offset), '--length', String(length), path]
    execFile('fallocate', argv, { timeout: 60_000 }, (error) => resolve(error === null))
  })
