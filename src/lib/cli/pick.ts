import { AcsError } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { closest } from '../base/did-you-mean.js'

/**
 * The one of that name or UUID. Throws EACSNOTFOUND, with what it may have been meant to be; EACSDUPLICATE where several
 * have the name.
 */
export function pick<T extends { uuid: string; name: string }>(
  all: readonly T[],
  nameOrUuid: string,
  { what, list }: { what: string; list: string },
): T {
  const byUuid = all.find(({ uuid }) => uuid === nameOrUuid.toLowerCase())
  if (byUuid) return byUuid
  const [first, ...others] = all.filter(({ name }) => name === nameOrUuid)
  const shown = printable(nameOrUuid)
  if (!first) {
    const names = all.map(({ name }) => name)
    const [meant] = closest(nameOrUuid, names, 1)
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no ${what} "${shown}"`, {
      hints: [...(meant === undefined ? [] : [`Did you mean "${printable(meant)}"?`]), `See them all: ${list}`],
      details: { name: nameOrUuid },
    })
  }
  if (others.length === 0) return first
  const uuids = [first, ...others].map(({ uuid }) => uuid)
  throw new AcsError('conflict', 'EACSDUPLICATE', `${uuids.length} ${what}s are called "${shown}"`, {
    hints: [`Name it by its UUID: ${uuids.join(', ')}`],
    details: { name: nameOrUuid, uuids },
  })
}
