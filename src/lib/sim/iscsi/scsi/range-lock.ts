interface Claim {
  start: number
  end: number
  exclusive: boolean
}

interface Waiter extends Claim {
  begin: () => void
}

/**
 * Keeps read-modify-write commands (COMPARE AND WRITE, ORWRITE) alone on their blocks. Plain writes share: SCSI
 * leaves the order of overlapping simple tasks open (SAM-5 8.6), so they only have to stay out of exclusive ranges.
 */
export class RangeLock {
  private readonly held = new Set<Claim>()
  private waiting: Waiter[] = []
  private exclusives = 0

  /** No exclusive claim is held or waited for: a write that completes at once needs no claim. */
  get quiet(): boolean {
    return this.exclusives === 0
  }

  async run<T>(start: number, end: number, exclusive: boolean, work: () => Promise<T>): Promise<T> {
    const claim: Claim = { start, end, exclusive }
    if (exclusive) this.exclusives += 1
    if (this.conflicts(claim, this.waiting))
      await new Promise<void>((begin) => this.waiting.push(Object.assign(claim, { begin })))
    else this.held.add(claim)
    try {
      return await work()
    } finally {
      this.held.delete(claim)
      if (exclusive) this.exclusives -= 1
      this.admit()
    }
  }

  private conflicts(claim: Claim, earlier: readonly Claim[]): boolean {
    return [...this.held, ...earlier].some(
      (other) => (claim.exclusive || other.exclusive) && claim.start < other.end && other.start < claim.end,
    )
  }

  private admit(): void {
    const still: Waiter[] = []
    for (const waiter of this.waiting) {
      if (this.conflicts(waiter, still)) still.push(waiter)
      else {
        this.held.add(waiter)
        waiter.begin()
      }
    }
    this.waiting = still
  }
}
