import { closest } from '../base/did-you-mean.js'
import { AcsError } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { isUuid } from '../base/uuid.js'

export interface Named {
  uuid: string
  name: string
}

/** What is chosen from, for errors. */
export interface Kind {
  /** As people call it: `image`. */
  what: string
  listCommand: string
}

/**
 * The one of that UUID or exact name. Throws EACSNOTFOUND, or EACSAMBIGUOUS (conflict) where several have the name, which
 * Prism allows: then only a UUID says which one is meant.
 */
export function pick<T extends Named>(kind: Kind, things: readonly T[], nameOrUuid: string): T {
  const uuid = nameOrUuid.toLowerCase()
  const byUuid = isUuid(nameOrUuid) ? things.find((thing) => thing.uuid.toLowerCase() === uuid) : undefined
  if (byUuid) return byUuid
  const found = onlyOne(
    kind,
    things.filter(({ name }) => name === nameOrUuid),
    nameOrUuid,
  )
  if (found) return found
  throw notFound(kind, `there is no ${kind.what} "${printable(nameOrUuid)}"`, things, nameOrUuid)
}

/** The only one of those with a name, `undefined` when there is none. Throws EACSAMBIGUOUS. */
export function onlyOne<T extends Named>(kind: Kind, found: readonly T[], name: string): T | undefined {
  if (found.length <= 1) return found[0]
  const uuids = found.map(({ uuid }) => uuid)
  throw new AcsError(
    'conflict',
    'EACSAMBIGUOUS',
    `${found.length} ${kind.what}s are named "${printable(name)}": ${uuids.join(', ')}`,
    { hints: ['Use the UUID of the one you mean in place of the name'], details: { name, uuids } },
  )
}

/** @param typed what was looked for, as it was typed; what is near it becomes a hint. */
export function notFound(kind: Kind, message: string, things: readonly Named[], typed: string): AcsError {
  // A long name is pasted rather than typed, and comparing it with thousands takes seconds.
  const names = typed.length > 64 ? [] : things.map(({ name }) => name)
  const [near] = closest(typed, names, 1)
  return new AcsError('not-found', 'EACSNOTFOUND', message, {
    hints: [
      ...(near === undefined ? [] : [`Did you mean ${printable(near)}?`]),
      `See all ${kind.what}s: ${kind.listCommand}`,
    ],
    details: { name: typed },
  })
}
