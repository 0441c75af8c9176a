export interface RateLimit {
  /** Whether `who` may have one more now. */
  take(who: string): boolean
}

interface Rate {
  /** How many at once after a quiet time. */
  burst: number
  perSecond: number
}

/** Token buckets, one for each and one for all together. Forgets whoever has been quiet long enough to have a full one. */
export function createRateLimit(each: Rate, all: Rate, now: () => number = () => performance.now()): RateLimit {
  const buckets = new Map<string, Bucket>()
  const common = bucket(all)

  function bucket(rate: Rate): Bucket {
    let tokens = rate.burst
    let at = now()
    const refill = (): void => {
      tokens = Math.min(rate.burst, tokens + ((now() - at) / 1000) * rate.perSecond)
      at = now()
    }
    return {
      has() {
        refill()
        return tokens >= 1
      },
      isFull() {
        refill()
        return tokens >= rate.burst
      },
      take: () => void (tokens -= 1),
    }
  }

  return {
    take(who) {
      for (const [other, theirs] of buckets) if (theirs.isFull()) buckets.delete(other)
      // Whoever is not served costs nobody else anything.
      if (!common.has()) return false
      const own = buckets.get(who) ?? bucket(each)
      buckets.set(who, own)
      if (!own.has()) return false
      own.take()
      common.take()
      return true
    },
  }
}

interface Bucket {
  has(): boolean
  isFull(): boolean
  take(): void
}
