import type { Deadline } from '../base/deadline.js'
import { isAcsError, messageOf } from '../base/errors.js'
import type { Finding } from './finding.js'

/** What became of a fix. */
export interface FixOutcome {
  id: Finding['id']
  about?: string
  words: string
  /** What it did, where that is more than the words. */
  done: readonly string[]
  /** Why it did not work. */
  error?: string
}

/** Longest time of one fix: a disk may have to be written out before it comes off. */
const fixLimitMs = 120_000

/** The findings that acs can cure itself. */
export function fixable(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.fix !== undefined)
}

/** Applies all fixes, one after the other; one that fails does not stop the next. */
export async function applyFixes(findings: readonly Finding[], deadline: Deadline): Promise<FixOutcome[]> {
  const outcomes: FixOutcome[] = []
  for (const { id, about, fix } of fixable(findings)) {
    if (fix === undefined) continue
    const outcome = { id, ...(about === undefined ? {} : { about }), words: fix.words }
    try {
      const done = await fix.run(deadline.atMost(fixLimitMs))
      outcomes.push({ ...outcome, done: done ?? [] })
    } catch (error) {
      if (isAcsError(error, 'EACSINTERRUPTED')) throw error
      outcomes.push({ ...outcome, done: [], error: messageOf(error) })
    }
  }
  return outcomes
}
