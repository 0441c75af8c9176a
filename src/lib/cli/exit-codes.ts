import type { ErrorKind } from '../base/errors.js'

/** What a script can rely on: a number, once given a meaning, keeps it. Shown by `acs help exit-codes`. */
export const exitCodes = [
  { code: 0, name: 'ok', meaning: 'It worked, or there was nothing to do' },
  { code: 1, name: 'failed', meaning: 'It was tried and did not work' },
  { code: 2, name: 'usage', meaning: 'The command line is wrong: unknown command or flag, bad value, missing answer' },
  { code: 3, name: 'not-found', meaning: 'The named object does not exist' },
  { code: 4, name: 'auth', meaning: 'Wrong user or password, missing permission, certificate not trusted' },
  { code: 5, name: 'conflict', meaning: 'It exists already, is held elsewhere, or changed under us' },
  { code: 6, name: 'timeout', meaning: 'Time ran out, or the cluster cannot be reached' },
  { code: 7, name: 'partial', meaning: 'Of several objects, some were done and some failed' },
  { code: 8, name: 'precondition', meaning: 'This machine lacks something: root, a tool, a kernel feature' },
  { code: 10, name: 'bug', meaning: 'A defect in acs' },
  { code: 130, name: 'interrupted', meaning: 'Interrupted by Ctrl-C (SIGINT)' },
  { code: 143, name: 'terminated', meaning: 'Terminated (SIGTERM)' },
] as const

const codeOfKind: Readonly<Record<ErrorKind, number>> = {
  failed: 1,
  usage: 2,
  'not-found': 3,
  auth: 4,
  conflict: 5,
  timeout: 6,
  partial: 7,
  precondition: 8,
  bug: 10,
  interrupted: 130,
}

/** Exit code of an error; `signal` tells a Ctrl-C (130) from a SIGTERM (143). */
export function exitCodeOf(kind: ErrorKind, signal?: NodeJS.Signals): number {
  return kind === 'interrupted' && signal === 'SIGTERM' ? 143 : codeOfKind[kind]
}
