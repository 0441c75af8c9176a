import type { Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'

/**
 * The promise's result, or the deadline's error when that comes first: EACSTIMEOUT or EACSINTERRUPTED.
 * The promise itself goes on. `doing` completes "timed out while ...".
 */
export async function within<T>(deadline: Deadline, doing: string, promise: Promise<T>): Promise<T> {
  const { signal } = deadline
  deadline.check(doing)
  return new Promise<T>((resolve, reject) => {
    const give = (): void => reject(passed(deadline, doing))
    signal.addEventListener('abort', give, { once: true })
    const settled = (): void => signal.removeEventListener('abort', give)
    promise.then(
      (value) => {
        settled()
        resolve(value)
      },
      (error: unknown) => {
        settled()
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}

/** The error of a deadline whose signal has fired; the signal may be a moment before the clock. */
function passed(deadline: Deadline, doing: string): Error {
  try {
    deadline.check(doing)
  } catch (error) {
    if (error instanceof Error) return error
  }
  return new AcsError('timeout', 'EACSTIMEOUT', `timed out while ${doing}`)
}
