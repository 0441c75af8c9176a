import { appendFileSync, closeSync, openSync } from 'node:fs'
import { AcsError, messageOf } from '../base/errors.js'
import type { Exchange, SimulatorLog } from './simulator.js'

/** Where the exchanges of a running simulator go. */
export interface Recording {
  add(exchange: Exchange): void
  close(): void
}

/**
 * Adds to a file, mode 0600, one line of JSON for each exchange: `at`, and the fields of `Exchange`. Written before the
 * answer is sent, so that whoever has an answer finds it there, whatever becomes of this process.
 * Throws EACSSIMRECORD (usage).
 */
export function openRecording(path: string, log: SimulatorLog): Recording {
  let file: number | undefined
  try {
    file = openSync(path, 'a', 0o600)
  } catch (error) {
    throw new AcsError('usage', 'EACSSIMRECORD', `exchanges cannot be recorded: ${messageOf(error)}`, {
      cause: error,
      hints: ['Name a file in a folder that exists: --record FILE, or ACS_SIM_RECORD'],
      details: { path },
    })
  }
  const close = (): void => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  return {
    add(exchange) {
      if (file === undefined) return
      try {
        appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...exchange }, withoutSecrets)}\n`)
      } catch (error) {
        // A full disk must not break the cluster; a record with holes would pretend to be whole.
        log.error({ path, error: messageOf(error) }, 'recording ended')
        close()
      }
    },
    close,
  }
}

/**
 * CHAP secrets come in fields called `password`, cloud-init's data in `userdata`, and a URL may have a password before its
 * host; what holds one keeps its shape.
 */
function withoutSecrets(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (/password|secret|^userdata$/i.test(key)) return '***'
  return /url$/i.test(key) ? value.replace(/\/\/[^/?#]*@/, '//***@') : value
}
