import { isAcsError } from '../../base/errors.js'
import { failureOf } from '../error-text.js'
import type { PrismStatus } from './schema.js'

/** Whether the cluster answers, as the plugin's own calls show: it is never asked for this alone. */
export interface PrismContact {
  /** Takes note of how a call ends, and passes it on. */
  watch<T>(call: Promise<T>): Promise<T>
  status(): Omit<PrismStatus, 'endpoint'>
}

export function createPrismContact(): PrismContact {
  let state: PrismStatus['state'] = 'unknown'
  let answeredAt: Date | undefined
  let lastError: PrismStatus['lastError'] = null

  function failed(error: unknown, askedAt: Date): void {
    const seen = stateAfter(error)
    if (seen === undefined) return
    if (seen === 'reachable') {
      state = 'reachable'
      answeredAt = new Date()
      return
    }
    lastError = failureOf(error)
    // One call that ran out of its own time says little where others were answered meanwhile.
    if (seen !== 'unreachable' || answeredAt === undefined || answeredAt < askedAt) state = seen
  }

  return {
    async watch(call) {
      const askedAt = new Date()
      try {
        const value = await call
        state = 'reachable'
        answeredAt = new Date()
        return value
      } catch (error) {
        failed(error, askedAt)
        throw error
      }
    },
    status: () => ({ state, answeredAt: answeredAt?.toISOString() ?? null, lastError }),
  }
}

/** What an error says of the way to the cluster; undefined where it says nothing. A refusal is an answer, too. */
function stateAfter(error: unknown): PrismStatus['state'] | undefined {
  if (!isAcsError(error)) return undefined
  switch (error.kind) {
    case 'timeout':
      return 'unreachable'
    case 'auth':
      return 'refused'
    case 'usage':
    case 'precondition':
      return 'not-configured'
    case 'interrupted':
    case 'bug':
      return undefined
    default:
      return 'reachable'
  }
}
