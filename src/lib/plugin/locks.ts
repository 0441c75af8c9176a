import type { Deadline } from '../base/deadline.js'

/** One at a time for each key, in the order of asking. */
export interface KeyedLocks {
  run<T>(key: string, deadline: Deadline, doing: string, work: () => Promise<T>): Promise<T>
}

export function createKeyedLocks(): KeyedLocks {
  const tails = new Map<string, Promise<unknown>>()
  return {
    async run(key, deadline, doing, work) {
      const before = tails.get(key) ?? Promise.resolve()
      const mine = before.then(async () => {
        deadline.check(`waiting to ${doing}`)
        return work()
      })
      const tail = mine.catch(() => undefined)
      tails.set(key, tail)
      try {
        return await mine
      } finally {
        if (tails.get(key) === tail) tails.delete(key)
      }
    },
  }
}
