import type { Deadline } from '../base/deadline.js'
import { createSemaphore, type Semaphore } from './semaphore.js'

/** One at a time for each key, in the order of asking. Not to be taken twice by one caller: it would wait for itself. */
export interface KeyedLocks {
  /** As `Semaphore.run`, among those with the same key. */
  run<T>(key: string, deadline: Deadline, doing: string, work: () => Promise<T>): Promise<T>
  /** Whether somebody holds a key. */
  has(key: string): boolean
  /** Keys that somebody holds or waits for; nothing is kept of others. */
  readonly size: number
}

/** @param nameOf what a key stands for, for errors. */
export function createKeyedLocks(nameOf: (key: string) => string = (key) => `volume ${key}`): KeyedLocks {
  const locks = new Map<string, Semaphore>()
  return {
    async run(key, deadline, doing, work) {
      const lock = locks.get(key) ?? createSemaphore(1, nameOf(key))
      locks.set(key, lock)
      try {
        return await lock.run(deadline, doing, work)
      } finally {
        // Only if it still is this one: no order of microtasks may decide whether two hold one key.
        if (lock.running + lock.waiting === 0 && locks.get(key) === lock) locks.delete(key)
      }
    },
    has: (key) => locks.has(key),
    get size() {
      return locks.size
    },
  }
}
