import { serialDistance } from './pdu.js'

/** Commands an initiator may have open; a real cluster starts with MaxCmdSN 512 (recorded). */
export const commandWindow = 512

/** Command numbering of a session (RFC 7143 4.2.2.1): what comes next, what may come, what came too early. */
export class CommandSequence<T> {
  private readonly early = new Map<number, T>()
  private maximum: number

  constructor(private expectedNumber: number) {
    this.maximum = (expectedNumber + commandWindow - 1) >>> 0
  }

  /** ExpCmdSN. */
  get expected(): number {
    return this.expectedNumber
  }

  /** MaxCmdSN; never goes back. `open`: commands received and not finished. */
  limit(open: number): number {
    const limit = (this.expectedNumber - 1 + commandWindow - open - this.early.size) >>> 0
    if (serialDistance(limit, this.maximum) > 0) this.maximum = limit
    return this.maximum
  }

  /** `now`: it is this one's turn. `later`: kept until the gap is filled. `never`: outside the window, or a second time. */
  place(number: number, item: T): 'now' | 'later' | 'never' {
    const distance = serialDistance(number, this.expectedNumber)
    if (distance < 0 || serialDistance(number, this.maximum) > 0) return 'never'
    if (distance === 0) {
      this.expectedNumber = (this.expectedNumber + 1) >>> 0
      return 'now'
    }
    if (this.early.has(number)) return 'never'
    this.early.set(number, item)
    return 'later'
  }

  /** The next one that came early and whose turn it is now. */
  next(): T | undefined {
    if (this.early.size === 0) return undefined
    const item = this.early.get(this.expectedNumber)
    if (item === undefined) return undefined
    this.early.delete(this.expectedNumber)
    this.expectedNumber = (this.expectedNumber + 1) >>> 0
    return item
  }
}
