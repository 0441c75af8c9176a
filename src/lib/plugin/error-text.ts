import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { redactText } from '../base/redact.js'
import { CannotTell } from './driver.js'
import type { FailureStatus } from './status/schema.js'

/** More than a tool's last words; dockerd shows all of it to the user, on one line. */
const longestText = 2_000

/** The one line of an error that Docker shows: what happened, what to do next, and where the log has more. */
export function errorText(error: AcsError, requestId: string): string {
  const hint = hintOf(error)
  const text = hint === undefined ? error.message : `${error.message}. Try: ${hint}`
  return `${oneLine(text)} (${error.code}, request ${requestId})`
}

/** What happened now, as `acs plugin status` tells it. */
export function failureOf(error: unknown): FailureStatus {
  const { code, message } = asAcsError(error)
  return { at: new Date().toISOString(), code, message: oneLine(message) }
}

/** Whatever was thrown, as an AcsError; what is none is our bug. */
export function asAcsError(error: unknown): AcsError {
  if (isAcsError(error)) return error
  if (error instanceof CannotTell) return new AcsError('timeout', 'EACSUNREACHABLE', error.message, { cause: error })
  const name = error instanceof Error ? error.name : typeof error
  return new AcsError('bug', 'EACSBUG', `${name}: ${messageOf(error)}; this is a bug in acs`, {
    cause: error,
    hints: ["Report it with the plugin's log of this request"],
  })
}

/** A command's hints serve Docker's user as well, but for the flag that docker does not have. */
function hintOf(error: AcsError): string | undefined {
  return error.hints.find((hint) => !hint.includes('--timeout'))
}

/** Control characters made visible, line breaks to "; ", secrets out. */
function oneLine(text: string): string {
  // Cut before the search for secrets, whose patterns need not meet a megabyte, and after it.
  const bounded = redactText(
    text
      .slice(0, 4 * longestText)
      .trim()
      .replace(/\s*[\r\n]+\s*/g, '; '),
  )
  const line = printable(bounded)
  return line.length > longestText ? `${line.slice(0, longestText - 3)}...` : line
}
