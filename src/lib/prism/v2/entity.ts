import type * as v from 'valibot'
import type { Deadline } from '../../base/deadline.js'
import { AcsError, isAcsError } from '../../base/errors.js'
import type { CallOptions } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { understand } from './schema.js'

/** What reading one of a resource takes. */
export interface EntityKind<Schema extends v.GenericSchema> {
  /** As people call it: `volume group`. */
  what: string
  schema: Schema
  path: (uuid: string) => string
  query?: Readonly<Record<string, boolean>>
  list: (http: PrismHttp, options: CallOptions) => Promise<readonly { uuid: string }[]>
  /** The command that lists them. */
  listCommand: string
}

/** The entity as Prism gives it. Throws EACSNOTFOUND; `tolerateNotFoundMs`: not before that has passed. */
export async function readEntity<Schema extends v.GenericSchema>(
  http: PrismHttp,
  kind: EntityKind<Schema>,
  uuid: string,
  options: CallOptions & { tolerateNotFoundMs?: number } = {},
): Promise<v.InferOutput<Schema>> {
  const { deadline, tolerateNotFoundMs = 0 } = options
  const until = Date.now() + tolerateNotFoundMs
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    try {
      return await askForEntity(http, kind, uuid, deadline)
    } catch (error) {
      if (!isAcsError(error, 'EACSNOTFOUND') || Date.now() >= until) throw error
      await pause(deadline, delayMs, `waiting for the ${kind.what}`)
    }
  }
}

async function askForEntity<Schema extends v.GenericSchema>(
  http: PrismHttp,
  kind: EntityKind<Schema>,
  uuid: string,
  deadline: Deadline | undefined,
): Promise<v.InferOutput<Schema>> {
  const { what } = kind
  try {
    const { body } = await http.request({
      method: 'GET',
      path: kind.path(uuid),
      query: kind.query,
      deadline,
      doing: `reading the ${what} ${uuid}`,
    })
    return understand(kind.schema, body, withArticle(what))
  } catch (error) {
    if (isAcsError(error, 'EACSNOTFOUND')) throw unknownEntity(kind, uuid, error)
    if (!isAcsError(error, 'EACSPRISM')) throw error
    // Versions differ in their answer to an unknown uuid (404 or 500 with prose); the list is the same in all.
    const all = await kind.list(http, { deadline })
    if (all.some((entity) => entity.uuid === uuid)) throw error
    throw unknownEntity(kind, uuid, error)
  }
}

/** What `reading` resolves with, or `undefined` when the cluster does not know it. */
export async function ifKnown<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isAcsError(error, 'EACSNOTFOUND')) return undefined
    throw error
  }
}

export function withArticle(what: string): string {
  return `${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`
}

export async function pause(deadline: Deadline | undefined, ms: number, doing: string): Promise<void> {
  if (deadline) await deadline.sleep(ms, doing)
  else await new Promise((resolve) => setTimeout(resolve, ms))
}

function unknownEntity<Schema extends v.GenericSchema>(
  kind: EntityKind<Schema>,
  uuid: string,
  cause: AcsError,
): AcsError {
  return new AcsError('not-found', 'EACSNOTFOUND', `there is no ${kind.what} ${uuid}`, {
    cause,
    details: { ...cause.details, uuid },
    hints: [`List them: ${kind.listCommand}`],
  })
}
