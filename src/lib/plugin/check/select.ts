import { AcsError } from '../../base/errors.js'
import type { Check } from './check.js'

/** Globs of ids: `mount.*`, `*.created-at`. Several of a kind add up; `skip` wins. */
export interface Selection {
  only?: readonly string[]
  skip?: readonly string[]
}

/** The checks that are meant, in their order. Throws EACSUSAGE when a glob names none. */
export function selectChecks(checks: readonly Check[], { only = [], skip = [] }: Selection): Check[] {
  for (const [flag, globs] of [
    ['--only', only],
    ['--skip', skip],
  ] as const) {
    const idle = globs.find((glob) => !checks.some(({ id }) => matches(glob, id)))
    if (idle !== undefined)
      throw new AcsError('usage', 'EACSUSAGE', `${flag} ${idle} names no check`, {
        hints: ['acs plugin check --list', `Areas: ${areasOf(checks).join(', ')}`],
      })
  }
  const chosen = checks.filter(
    ({ id }) =>
      (only.length === 0 || only.some((glob) => matches(glob, id))) && !skip.some((glob) => matches(glob, id)),
  )
  if (chosen.length === 0) throw new AcsError('usage', 'EACSUSAGE', '--only and --skip leave no check')
  return chosen
}

/** `mount` stands for the whole area. */
function matches(glob: string, id: string): boolean {
  const whole = glob.includes('.') || glob.includes('*') ? glob : `${glob}.*`
  const pattern = whole
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${pattern}$`).test(id)
}

function areasOf(checks: readonly Check[]): string[] {
  return [...new Set(checks.map(({ id }) => id.split('.')[0] ?? id))]
}
