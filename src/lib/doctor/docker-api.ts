import { request } from 'node:http'
import type { Deadline } from '../base/deadline.js'
import { AcsError, messageOf } from '../base/errors.js'

const longestAnswer = 16 * 1024 ** 2

/** The JSON of a GET on Docker's API. Throws EACSDOCKER (failed) with what was said. */
export async function dockerGet(socketPath: string, path: string, deadline: Deadline): Promise<unknown> {
  const { status, text } = await ask(socketPath, { path, method: 'GET' }, deadline)
  if (status !== 200) throw failed(socketPath, `it answers ${status} to ${path}: ${text.slice(0, 200).trim()}`)
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch (error) {
    throw failed(socketPath, `what it answers to ${path} is not JSON`, error)
  }
}

/** A call of Docker's volume-plugin protocol, as Docker itself would make it. Throws EACSDOCKER with the plugin's words. */
export async function pluginCall(socketPath: string, call: string, body: unknown, deadline: Deadline): Promise<void> {
  const { status, text } = await ask(socketPath, { path: `/${call}`, method: 'POST' }, deadline, JSON.stringify(body))
  if (status !== 200) throw failed(socketPath, `${call}: ${text.slice(0, 500).trim()}`)
}

function ask(
  socketPath: string,
  target: { path: string; method: string },
  deadline: Deadline,
  body = '',
): Promise<{ status: number; text: string }> {
  deadline.check(`asking ${socketPath}`)
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(failed(socketPath, messageOf(error), error))
    const asked = request({ socketPath, ...target, agent: false, signal: deadline.signal }, (answer) => {
      const parts: Buffer[] = []
      let length = 0
      answer.on('data', (part: Buffer) => {
        length += part.length
        if (length > longestAnswer) asked.destroy(new Error('the answer is too long'))
        else parts.push(part)
      })
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }))
      answer.once('error', fail)
    })
    asked.once('error', fail)
    asked.end(body)
  })
}

function failed(socketPath: string, why: string, cause?: unknown): AcsError {
  return new AcsError('failed', 'EACSDOCKER', `${socketPath} cannot be asked: ${why}`, {
    cause,
    hints: ['systemctl status docker'],
    details: { socket: socketPath },
  })
}
