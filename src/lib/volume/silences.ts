/** How long holders have been silent, over several calls: Podman gives a call 5 s, and the delay is 30 s. */
export interface Silences {
  /**
   * Counts a question that was not answered, asked at `askedAtMs`. One after a longer pause than `maxGapMs` starts
   * anew, as nobody knows what the holder did meanwhile.
   */
  unanswered(volumeUuid: string, holder: string, askedAtMs: number, maxGapMs: number): Silence
  /** The holder was heard, or is another one now. */
  end(volumeUuid: string): void
}

export interface Silence {
  /** Questions in a row without an answer. */
  times: number
  /** Since the first of them was asked. */
  forMs: number
}

/** One for a plugin's life. @param now milliseconds that never go back. */
export function createSilences(now: () => number = () => performance.now()): Silences {
  const silences = new Map<string, { holder: string; times: number; sinceMs: number; lastMs: number }>()
  return {
    unanswered(volumeUuid, holder, askedAtMs, maxGapMs) {
      const before = silences.get(volumeUuid)
      const goesOn = before?.holder === holder && askedAtMs - before.lastMs <= maxGapMs
      const silence = goesOn
        ? { ...before, times: before.times + 1, lastMs: now() }
        : { holder, times: 1, sinceMs: askedAtMs, lastMs: now() }
      silences.set(volumeUuid, silence)
      return { times: silence.times, forMs: silence.lastMs - silence.sinceMs }
    },
    end: (volumeUuid) => void silences.delete(volumeUuid),
  }
}
