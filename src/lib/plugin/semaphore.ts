import type { Deadline } from '../base/deadline.js'
import { AcsError, isAcsError } from '../base/errors.js'

/** Lets a few work at once, the others wait in the order in which they came. */
export interface Semaphore {
  /**
   * Runs `work` once fewer than the limit are at it. When the deadline comes first the work never begins:
   * throws EACSTIMEOUT, which tells who is at it, or EACSINTERRUPTED. `doing` completes "waiting to ...".
   */
  run<T>(deadline: Deadline, doing: string, work: () => Promise<T>): Promise<T>
  /** How many are at it, and how many wait. */
  readonly running: number
  readonly waiting: number
}

interface Holder {
  doing: string
  since: number
}

/** @param name what is waited for, for the error: `volume db`, `iSCSI logins`. */
export function createSemaphore(limit: number, name: string): Semaphore {
  const holders = new Set<Holder>()
  const queue = new Set<() => void>()

  function hold(doing: string): Holder {
    const holder = { doing, since: performance.now() }
    holders.add(holder)
    return holder
  }

  function enter(deadline: Deadline, doing: string): Promise<Holder> {
    deadline.check(`waiting to ${doing}`)
    if (holders.size < limit) return Promise.resolve(hold(doing))
    const { signal } = deadline
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', give)
        resolve(hold(doing))
      }
      const give = (): void => {
        queue.delete(admit)
        reject(gaveUp(deadline, doing, name, holders))
      }
      queue.add(admit)
      signal.addEventListener('abort', give, { once: true })
    })
  }

  function leave(holder: Holder): void {
    holders.delete(holder)
    for (const admit of queue) {
      queue.delete(admit)
      admit()
      return
    }
  }

  return {
    async run(deadline, doing, work) {
      const holder = await enter(deadline, doing)
      try {
        return await work()
      } finally {
        leave(holder)
      }
    },
    get running() {
      return holders.size
    },
    get waiting() {
      return queue.size
    },
  }
}

function gaveUp(deadline: Deadline, doing: string, name: string, holders: ReadonlySet<Holder>): AcsError {
  try {
    deadline.check(`waiting to ${doing}`)
  } catch (error) {
    if (isAcsError(error, 'EACSINTERRUPTED')) return error
  }
  const list = [...holders].map(({ doing: what, since }) => `"${what}" since ${seconds(since)} s`)
  const shown = list.length > 3 ? [...list.slice(0, 3), `${list.length - 3} more`] : list
  return new AcsError(
    'timeout',
    'EACSTIMEOUT',
    `timed out while waiting to ${doing}: ${name} is busy with ${shown.join(', ')}`,
    {
      hints: ['Try again when that has ended'],
      details: { busyWith: list },
    },
  )
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
