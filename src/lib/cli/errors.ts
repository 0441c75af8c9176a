import { AcsError, messageOf } from '../base/errors.js'
import { printableLines } from '../base/printable.js'
import { redactKnown } from '../base/redact.js'
import { exitCodeOf } from './exit-codes.js'
import { Interruption, interruptedBy } from './interrupt.js'
import type { JsonValue } from './output/columns.js'
import { style } from './terminal.js'
import { usageErrorFrom } from './usage-errors.js'
import type { UsageContext } from './usage-errors.js'

/** An error as it leaves the program, without known secrets: nothing but these fields is ever printed. */
export interface Failure {
  code: string
  message: string
  hints: readonly string[]
  details: Readonly<Record<string, unknown>>
  exitCode: number
}

/** The edge: whatever was thrown, as what the user is told. */
export function failureOf(error: unknown, context?: UsageContext): Failure {
  const known = toAcsError(error, context)
  return {
    code: known.code,
    message: redactKnown(known.message),
    hints: known.hints.map(redactKnown),
    details: known.details,
    exitCode: exitCodeOf(known.kind, signalOf(known)),
  }
}

/** Anything thrown as an AcsError: oclif's parse errors are usage, a cancelled step is an interruption, the rest is our bug. */
export function toAcsError(error: unknown, context?: UsageContext): AcsError {
  if (error instanceof Error) {
    const usage = usageErrorFrom(error, context)
    if (usage) return usage
  }
  if (error instanceof AcsError) return error
  if (isFailedWrite(error))
    return new AcsError('failed', 'EACSOUTPUT', `the output cannot be written: ${error.message}`, { cause: error })
  const signalName = interruptedBy()
  if (signalName)
    return new AcsError('interrupted', 'EACSINTERRUPTED', new Interruption(signalName).message, { cause: error })
  const name = error instanceof Error ? error.name : typeof error
  return defect(`${name}: ${messageOf(error)}`, error)
}

/** What only a mistake in acs can bring about. */
export function defect(what: string, cause?: unknown): AcsError {
  return new AcsError('bug', 'EACSBUG', `${what}; this is a bug in acs`, {
    cause,
    hints: [
      'Run it again with --debug for the stack',
      'Report it to whoever maintains this acs (package.json, README.md): acs --version, the command, its output',
    ],
  })
}

/** Of standard output or error: a full disk behind `>`. Files of our own are opened, and their errors name a path. */
function isFailedWrite(error: unknown): error is Error {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error) || 'path' in error) return false
  return error.syscall === 'write' && /^(ENOSPC|EDQUOT|EIO|EFBIG|EPIPE)$/.test(String(error.code))
}

/** The one JSON document of a failed command. */
export function failureDocument(failure: Failure, warnings: readonly string[]) {
  return { error: { ...failure, details: plainJson(failure.details) }, warnings }
}

/** A failure in words, for stderr: the error, then what to try. */
export function failureText(failure: Failure): string {
  // Prism's words and a user's arguments are in it.
  const lines = [`${style('red', 'Error', process.stderr)} (${failure.code}): ${printableLines(failure.message)}`]
  if (failure.hints.length > 0) lines.push('Try:', ...failure.hints.map((hint) => `  ${printableLines(hint)}`))
  return `${lines.join('\n')}\n`
}

/** Stack and causes, for --debug only: other people's errors may hold secrets in their fields, so only messages and stacks. */
export function stackText(error: unknown): string {
  const parts: string[] = []
  for (let current = error; current instanceof Error; current = current.cause)
    parts.push(`${parts.length === 0 ? '' : 'caused by '}${current.stack ?? current.message}\n`)
  return redactKnown(parts.join(''))
}

function signalOf(error: AcsError): NodeJS.Signals | undefined {
  return error.cause instanceof Interruption ? error.cause.signalName : interruptedBy()
}

/** Details may hold dates, bigints or cycles; whatever JSON cannot say becomes text. */
function plainJson(details: Readonly<Record<string, unknown>>): JsonValue {
  const seen = new WeakSet()
  const text = JSON.stringify(details, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString()
    if (value instanceof Error) return value.message
    if (typeof value === 'object' && value !== null) {
      if (seen.has(value)) return '[repeated]'
      seen.add(value)
    }
    return value
  })
  return JSON.parse(redactKnown(text)) as JsonValue
}
