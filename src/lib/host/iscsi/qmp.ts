import { connect } from 'node:net'
import { AcsError, messageOf } from '../../base/errors.js'
import type { Deadline } from '../../base/deadline.js'

/**
 * Runs QMP commands over a unix socket, one after the other, and returns their answers. Throws EACSQMP
 * with QEMU's words, or when the daemon does not answer before the deadline. A closed connection
 * answers `quit`.
 */
export async function qmp(
  socketPath: string,
  commands: readonly { execute: string; arguments?: Readonly<Record<string, unknown>> }[],
  deadline: Deadline,
): Promise<unknown[]> {
  deadline.check('talking to the storage daemon')
  const socket = connect(socketPath)
  const stop = (): void => {
    socket.destroy(new Error('no answer in time'))
  }
  deadline.signal.addEventListener('abort', stop, { once: true })
  const timer = Number.isFinite(deadline.remainingMs()) ? setTimeout(stop, deadline.remainingMs()) : undefined
  const answers: unknown[] = []
  try {
    const todo = [{ execute: 'qmp_capabilities' }, ...commands]
    let sent = 0
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) {
      text += String(chunk)
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const message of lines.map(parseMessage)) {
        if (message === undefined || 'event' in message) continue
        if ('error' in message) throw new Error(describe(message.error))
        if ('return' in message) answers.push(message.return)
        if (sent === todo.length) return answers.slice(1)
        // The greeting and every answer ask for the next command.
        socket.write(`${JSON.stringify(todo[sent])}\n`)
        sent += 1
      }
    }
    if (commands.at(-1)?.execute === 'quit') return answers.slice(1)
    throw new Error('the connection was closed')
  } catch (error) {
    throw new AcsError('failed', 'EACSQMP', `the storage daemon at ${socketPath} failed: ${messageOf(error)}`, {
      cause: error,
      details: { commands: commands.map((command) => command.execute) },
    })
  } finally {
    clearTimeout(timer)
    deadline.signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}

function parseMessage(line: string): Record<string, unknown> | undefined {
  if (line.trim() === '') return undefined
  const message: unknown = JSON.parse(line)
  return isRecord(message) ? message : undefined
}

function describe(error: unknown): string {
  return isRecord(error) && typeof error.desc === 'string' ? error.desc : JSON.stringify(error)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
