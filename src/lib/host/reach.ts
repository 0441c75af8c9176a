import { connect } from 'node:net'
import type { Deadline } from '../base/deadline.js'

/** Whether something accepts connections there; else why not, in a word such as ECONNREFUSED. Sends nothing. */
export function reach(
  where: { host: string; port: number } | { path: string },
  deadline: Deadline,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(where)
    const finish = (why: string | undefined): void => {
      deadline.signal.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve(why)
    }
    const onAbort = (): void => finish('ETIMEDOUT')
    deadline.signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message))
    socket.on('connect', () => finish(undefined))
    if (deadline.signal.aborted) onAbort()
  })
}
