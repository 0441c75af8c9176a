import type { Deadline } from '../base/deadline.js'
import { AcsError, messageOf } from '../base/errors.js'
import { askLocal, type LocalQuestion } from '../base/local-http.js'

const longestAnswer = 16 * 1024 ** 2

/** The JSON of a GET on Docker's API. Throws EACSDOCKER (failed) with what was said. */
export async function dockerGet(socketPath: string, path: string, deadline: Deadline): Promise<unknown> {
  const { status, text } = await ask(socketPath, { path }, deadline)
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
  const { status, text } = await ask(
    socketPath,
    { path: `/${call}`, method: 'POST', body: JSON.stringify(body) },
    deadline,
  )
  if (status !== 200) throw failed(socketPath, `${call}: ${text.slice(0, 500).trim()}`)
}

async function ask(
  socketPath: string,
  question: LocalQuestion,
  deadline: Deadline,
): Promise<{ status: number; text: string }> {
  deadline.check(`asking ${socketPath}`)
  try {
    return await askLocal(socketPath, { ...question, maxBytes: longestAnswer }, deadline)
  } catch (error) {
    throw failed(socketPath, messageOf(error), error)
  }
}

function failed(socketPath: string, why: string, cause?: unknown): AcsError {
  return new AcsError('failed', 'EACSDOCKER', `${socketPath} cannot be asked: ${why}`, {
    cause,
    hints: ['systemctl status docker'],
    details: { socket: socketPath },
  })
}
