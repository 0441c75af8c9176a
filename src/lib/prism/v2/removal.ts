import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn } from '../../base/deadline.js'
import type { CallOptions, MutationOptions, TaskReference } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { settle, taskTimeoutMs } from './tasks.js'

interface Versioned {
  uuid: string
  name: string
  logicalTimestamp: number
}

export interface Removal<Seen extends Versioned> {
  /** As people call it: `volume group`. */
  what: string
  path: string
  query?: Readonly<Record<string, boolean>>
  find: (options: CallOptions) => Promise<Seen | undefined>
  /** Why it is still there, where its state or Prism's words tell more than that it was changed. */
  whyNot?: (now: Seen, cause: AcsError) => AcsError | undefined
  /** The command that shows it as it is now. */
  lookCommand: string
}

/**
 * Deletes what is still as we saw it. Gone is success when an earlier try of this call may have done it.
 * Throws EACSNOTFOUND, EACSSTALE, EACSTASKFAILED, EACSPRISM and what `whyNot` makes.
 */
export async function remove<Seen extends Versioned>(
  http: PrismHttp,
  seen: Seen,
  removal: Removal<Seen>,
  options: MutationOptions,
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const { what } = removal
  let repeated = false
  try {
    const result = await http.request({
      method: 'DELETE',
      path: removal.path,
      // 0 would mean "do not check", as leaving it out does.
      query: { ...removal.query, logical_timestamp: seen.logicalTimestamp || undefined },
      // The timestamp makes a repeat safe: it cannot hit another state than the one we saw.
      repeatable: true,
      deadline,
      doing: `deleting the ${what} "${seen.name}"`,
    })
    repeated = result.repeated
    return await settle(http, result.body, 'a deletion', { ...options, deadline })
  } catch (error) {
    if (!isAcsError(error)) throw error
    if (!['EACSPRISM', 'EACSNOTFOUND', 'EACSTASKFAILED'].includes(error.code)) throw error
    const now = await removal.find({ deadline })
    if (now !== undefined) throw removal.whyNot?.(now, error) ?? changed(seen, now, removal, error) ?? error
    if (repeated || error.details.repeated === true) return {}
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no ${what} "${seen.name}" any more`, {
      cause: error,
      details: { uuid: seen.uuid },
    })
  }
}

/** How Prism words a stale timestamp is not recorded, so the state tells. */
function changed<Seen extends Versioned>(
  seen: Seen,
  now: Seen,
  removal: Removal<Seen>,
  cause: AcsError,
): AcsError | undefined {
  if (now.logicalTimestamp === seen.logicalTimestamp) return undefined
  return new AcsError(
    'conflict',
    'EACSSTALE',
    `the ${removal.what} "${now.name}" was changed by someone else: it is at version ${now.logicalTimestamp}, we saw ${seen.logicalTimestamp}`,
    {
      cause,
      details: { ...cause.details, uuid: seen.uuid },
      hints: [`Look at it again: ${removal.lookCommand}`],
    },
  )
}
