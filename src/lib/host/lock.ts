import { dirname } from 'node:path'
import { AcsError } from '../base/errors.js'
import { ensureFolder } from '../base/durable-file.js'
import type { Deadline } from '../base/deadline.js'
import { startHolding } from './exec.js'

/** Mutual exclusion between all acs processes of this machine. */
export interface Locks {
  /**
   * Runs `action` while holding the lock file. Waits for it until the deadline, then throws EACSLOCKED.
   * The kernel frees the lock when its holder dies, however it dies: there is no stale lock.
   */
  within<T>(path: string, deadline: Deadline, action: () => Promise<T>): Promise<T>
}

/** Locks by flock(2), which Node lacks: `flock FILE cat` holds it for us and ends when our pipe to it closes. */
export function createLocks(): Locks {
  // Callers in this process queue here, so that they cost one `flock` at a time.
  const queues = new Map<string, Promise<unknown>>()
  return {
    async within(path, deadline, action) {
      const before = queues.get(path) ?? Promise.resolve()
      const mine = before.then(() => holding(path, deadline, action))
      const settled = mine.catch(() => undefined)
      queues.set(path, settled)
      try {
        return await mine
      } finally {
        if (queues.get(path) === settled) queues.delete(path)
      }
    },
  }
}

async function holding<T>(path: string, deadline: Deadline, action: () => Promise<T>): Promise<T> {
  deadline.check(`waiting for the lock ${path}`)
  await ensureFolder(dirname(path))
  const lock = await startHolding('flock', ['--exclusive', path, 'cat'], deadline)
  if (!lock) {
    throw new AcsError('conflict', 'EACSLOCKED', `another acs process holds ${path}`, {
      hints: [`fuser -v ${path}`, 'Wait for it to finish, then try again'],
      details: { path },
    })
  }
  try {
    return await action()
  } finally {
    await lock.release()
  }
}
