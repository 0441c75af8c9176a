/**
 * The one error type that crosses rooms.
 *
 * Every failure a user can meet is an `AcsError`: `kind` decides the exit code, `code` is the stable
 * name scripts match on, `message` states cause and evidence, `hints` are next commands. The CLI edge
 * prints them; the plugin edge folds them into `{"Err": ...}`. Nothing below `cli` prints.
 */

/** What sort of failure this is. The CLI maps each kind to one documented exit code. */
export type ErrorKind =
  | 'failed' // 1: the operation was tried and did not work
  | 'usage' // 2: the request itself is wrong
  | 'not-found' // 3
  | 'auth' // 4: authentication or permission
  | 'conflict' // 5: exists, held elsewhere, changed under us
  | 'timeout' // 6: timed out or unreachable
  | 'partial' // 7: some of several objects failed
  | 'precondition' // 8: this machine lacks root, a tool or a kernel feature
  | 'bug' // 10
  | 'interrupted' // 130 / 143

export interface AcsErrorOptions {
  cause?: unknown
  /** What the user can do next, one command or fact a line, most likely first. */
  hints?: readonly string[]
  /** Facts for `--json`, never secrets: holder, uuid, taskUuid, requestId... */
  details?: Readonly<Record<string, unknown>>
}

export class AcsError extends Error {
  override readonly name = 'AcsError'
  readonly hints: readonly string[]
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    readonly kind: ErrorKind,
    /** Stable upper-case name, `EACS...`; listed in docs/errors.md. */
    readonly code: string,
    message: string,
    options: AcsErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.hints = options.hints ?? []
    this.details = options.details ?? {}
  }
}

export function isAcsError(error: unknown, code?: string): error is AcsError {
  return error instanceof AcsError && (code === undefined || error.code === code)
}

/** The code of an error of the system or of Node, `ENOENT`; `undefined` where there is none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
