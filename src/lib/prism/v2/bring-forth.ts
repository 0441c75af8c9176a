import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { CallOptions, MutationOptions, Task, TaskReference } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { pause, withArticle } from './entity.js'
import { taskReferenceSchema, understand } from './schema.js'
import { taskTimeoutMs, waitForTask } from './tasks.js'

/** What is new may answer 404 for a while after its task has succeeded (seen with groups), and its disks come later still. */
const appearMs = 10_000

/** What is to be made, and how to tell that it is there. */
export interface Wanted<Found extends Named> {
  /** As people call it: `volume group`. */
  what: string
  /** Chosen by the client. */
  uuid: string
  name: string
  /** The type of its kind in the entities of a task. */
  taskEntity: RegExp
  find: (uuid: string, options: CallOptions) => Promise<Found | undefined>
  /** What one that was found has of what it shall have: `1 of 2 disks`; `undefined` when it has all. */
  lacks: (found: Found) => string | undefined
  all: (options: CallOptions) => Promise<readonly Named[]>
  showCommand: string
  listCommand: string
}

interface Named {
  uuid: string
  name: string
}

/**
 * Posts a body that carries `wanted.uuid`, so that a repeat meets its first try instead of making a second one. Resolves
 * when what is new can be read complete. Throws EACSEXISTS, EACSTASKFAILED, EACSPRISM.
 */
export async function bringForth<Found extends Named>(
  http: PrismHttp,
  path: string,
  body: unknown,
  wanted: Wanted<Found>,
  options: MutationOptions,
): Promise<TaskReference & { uuid: string }> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const doing = `creating the ${wanted.what} "${wanted.name}"`
  let taskUuid: string | undefined
  try {
    const result = await http.request({ method: 'POST', path, body, deadline, doing, repeatable: true })
    taskUuid = understand(taskReferenceSchema, result.body, `a new ${wanted.what}`).task_uuid ?? undefined
    if (options.wait === false) return { uuid: wanted.uuid, taskUuid }
    const task =
      taskUuid === undefined ? undefined : await waitForTask(http, taskUuid, { deadline, onTask: options.onTask })
    const found = await appearance(wanted, createdUuid(task, wanted), deadline)
    return { uuid: found.uuid, taskUuid }
  } catch (error) {
    const first = await firstTry(wanted, error, deadline)
    if (first) return { uuid: first.uuid, taskUuid }
    throw await explain(wanted, error, deadline)
  }
}

/** A cluster that does not take our uuid names its own in the task. */
function createdUuid<Found extends Named>(task: Task | undefined, wanted: Wanted<Found>): string {
  const ours = wanted.uuid
  const made = (task?.entities ?? []).filter(({ type }) => wanted.taskEntity.test(type)).map(({ uuid }) => uuid)
  // A clone's task may name its source too, in no known order.
  return made.length === 0 || made.includes(ours) || made.length > 1 ? ours : (made[0] ?? ours)
}

async function appearance<Found extends Named>(
  wanted: Wanted<Found>,
  uuid: string,
  deadline: Deadline,
): Promise<Found> {
  const { what, name } = wanted
  const until = Date.now() + appearMs
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    const found = await wanted.find(uuid, { deadline })
    const has = found && wanted.lacks(found)
    if (found && has === undefined) return found
    if (Date.now() >= until)
      throw new AcsError(
        'failed',
        'EACSPRISM',
        has === undefined
          ? `Prism says that the ${what} "${name}" was created, and does not know it ${appearMs / 1000} s later`
          : `the new ${what} "${name}" has ${has}`,
        { details: { uuid }, hints: [`Look for it: ${wanted.listCommand}`, 'acs task list'] },
      )
    await pause(deadline, delayMs, `waiting for the ${what}`)
  }
}

/** A complete one with our uuid and name, though this try failed: an earlier one made it, or is about to. */
async function firstTry<Found extends Named>(
  wanted: Wanted<Found>,
  error: unknown,
  deadline: Deadline,
): Promise<Found | undefined> {
  if (!isRefusal(error)) return undefined
  const until = Date.now() + (error.details.repeated === true ? appearMs : 0)
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    const found = await wanted.find(wanted.uuid, { deadline })
    if (found?.name === wanted.name && wanted.lacks(found) === undefined) return found
    if (Date.now() >= until) return undefined
    await pause(deadline, delayMs, `waiting for the ${wanted.what}`)
  }
}

async function explain<Found extends Named>(
  wanted: Wanted<Found>,
  error: unknown,
  deadline: Deadline,
): Promise<unknown> {
  if (!isRefusal(error) || !saysTaken(error.message)) return error
  const all = await wanted.all({ deadline })
  const other = all.find(({ name, uuid }) => name === wanted.name && uuid !== wanted.uuid)
  if (!other) return error
  return new AcsError('conflict', 'EACSEXISTS', `there is already ${withArticle(wanted.what)} "${wanted.name}"`, {
    cause: error,
    details: { ...error.details, uuid: other.uuid, name: wanted.name },
    hints: [`Look at it: ${wanted.showCommand}`],
  })
}

/** How Prism words a taken name is not recorded; so the name must be taken in fact as well. */
export function saysTaken(words: string): boolean {
  return /exist|duplicate|already|unique|in use/i.test(words)
}

export function isRefusal(error: unknown): error is AcsError {
  return isAcsError(error, 'EACSPRISM') || isAcsError(error, 'EACSTASKFAILED')
}
