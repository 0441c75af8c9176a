import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { CallOptions, MutationOptions, Task, TaskReference } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { collectionSchema, dateOf, taskReferenceSchema, taskSchema, understand, understandEach } from './schema.js'
import type { InferOutput } from 'valibot'

/** How long a wait lasts when nobody says. */
export const taskTimeoutMs = 5 * 60_000
/** A task just accepted may be unknown for a moment (seen with volume groups while the cluster is busy). */
const unknownTaskMs = 10_000
/** The task runs on while Prism restarts. */
const absentPrismMs = 90_000
const progressEveryMs = 250

export async function getTask(http: PrismHttp, uuid: string, options: CallOptions = {}): Promise<Task> {
  const path = `/tasks/${encodeURIComponent(uuid)}`
  const { body } = await http.request({
    method: 'GET',
    path,
    deadline: options.deadline,
    doing: `reading the task ${uuid}`,
  })
  return toTask(understand(taskSchema, body, 'a task'))
}

/** v2.0 lists tasks by POST, which changes nothing and so may be repeated. */
export async function listTasks(
  http: PrismHttp,
  filter: { includeCompleted?: boolean; entityUuid?: string; limit?: number } = {},
  options: CallOptions = {},
): Promise<Task[]> {
  const { body } = await http.request({
    method: 'POST',
    path: '/tasks/list',
    body: {
      include_completed: filter.includeCompleted ?? false,
      ...(filter.limit === undefined ? {} : { count: filter.limit }),
      ...(filter.entityUuid === undefined ? {} : { entity_list: [{ entity_id: filter.entityUuid }] }),
    },
    repeatable: true,
    deadline: options.deadline,
    doing: 'listing tasks',
  })
  const { entities } = understand(collectionSchema, body, 'the list of tasks')
  return understandEach(taskSchema, entities ?? []).map(toTask)
}

export async function cancelTask(http: PrismHttp, uuid: string, options: CallOptions = {}): Promise<void> {
  await http.request({
    method: 'PUT',
    path: '/tasks/cancel',
    body: [uuid],
    repeatable: true,
    deadline: options.deadline,
    doing: `cancelling the task ${uuid}`,
  })
}

/**
 * Waits until the task has succeeded. Survives a 404 right after the task was accepted, a lost session
 * and a Prism that is away for a while. Throws EACSTASKFAILED with Prism's own words; EACSTIMEOUT says how to go on waiting.
 */
export async function waitForTask(http: PrismHttp, uuid: string, options: CallOptions = {}): Promise<Task> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const report = throttled(options.onTask)
  const doing = `waiting for the task ${uuid}`
  const trouble = new Patience()
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 1.5, 2_000)) {
    try {
      const task = await getTask(http, uuid, { deadline })
      trouble.over()
      const ended =
        task.status !== 'queued' &&
        task.status !== 'running' &&
        task.status !== 'suspended' &&
        task.status !== 'unknown'
      report(task, ended)
      if (task.status === 'succeeded') return task
      if (ended) throw taskFailed(task)
    } catch (error) {
      if (!trouble.allows(error)) throw withTask(error, uuid)
    }
    await pause(deadline, delayMs, doing, uuid)
  }
}

/**
 * The end of a call that became a task: waits for it unless `wait` is `false`. `body` is what the call was answered with,
 * and `what` names that. Throws like `waitForTask`.
 */
export async function settle(
  http: PrismHttp,
  body: unknown,
  what: string,
  options: MutationOptions,
): Promise<TaskReference> {
  const taskUuid = understand(taskReferenceSchema, body ?? {}, what).task_uuid ?? undefined
  if (taskUuid !== undefined && options.wait !== false) await waitForTask(http, taskUuid, options)
  return { taskUuid }
}

/** Which passing troubles a wait survives, and for how long each. */
class Patience {
  private readonly since = new Map<string, number>()

  allows(error: unknown): boolean {
    if (isAcsError(error, 'EACSNOTFOUND')) return this.within('unknown', unknownTaskMs)
    return isAcsError(error, 'EACSUNREACHABLE') && this.within('absent', absentPrismMs)
  }

  over(): void {
    this.since.clear()
  }

  private within(what: string, ms: number): boolean {
    const first = this.since.get(what) ?? Date.now()
    this.since.set(what, first)
    return Date.now() - first < ms
  }
}

async function pause(deadline: Deadline, ms: number, doing: string, uuid: string): Promise<void> {
  try {
    await deadline.sleep(ms, doing)
  } catch (error) {
    throw withTask(error, uuid)
  }
}

/** A wait that ends early leaves a task that runs on: say which. */
function withTask(error: unknown, uuid: string): unknown {
  if (!isAcsError(error) || error.code === 'EACSTASKFAILED') return error
  const hints = error.code === 'EACSTIMEOUT' ? ['The task runs on: acs task wait ' + uuid, ...error.hints] : error.hints
  return new AcsError(error.kind, error.code, error.message, {
    cause: error,
    hints,
    details: { ...error.details, taskUuid: uuid },
  })
}

function taskFailed(task: Task): AcsError {
  const why = task.errorDetail ?? (task.status === 'aborted' ? 'it was aborted' : 'Prism gives no reason')
  return new AcsError('failed', 'EACSTASKFAILED', `the task ${task.operation} on Prism did not succeed: ${why}`, {
    details: {
      taskUuid: task.uuid,
      operation: task.operation,
      status: task.status,
      ...(task.errorCode === undefined ? {} : { errorCode: task.errorCode }),
      entities: task.entities,
    },
    hints: [`See the whole task: acs task show ${task.uuid}`],
  })
}

function throttled(onTask: CallOptions['onTask']): (task: Task, last: boolean) => void {
  let shownAt = -Infinity
  return (task, last) => {
    if (!onTask || (!last && performance.now() - shownAt < progressEveryMs)) return
    shownAt = performance.now()
    onTask(task)
  }
}

const statuses = ['queued', 'running', 'succeeded', 'failed', 'aborted', 'suspended'] as const

function toTask(entity: InferOutput<typeof taskSchema>): Task {
  const detail = entity.meta_response?.error_detail || entity.message
  const code = entity.meta_response?.error_code
  return {
    uuid: entity.uuid,
    operation: entity.operation_type ?? 'unknown',
    status: statuses.find((status) => status === entity.progress_status) ?? 'unknown',
    percent: entity.percentage_complete ?? 0,
    errorDetail: detail || undefined,
    errorCode: code === 0 ? undefined : (code ?? undefined),
    entities: (entity.entity_list ?? []).map(({ entity_id, entity_type, entity_name }) => ({
      uuid: entity_id ?? '',
      type: entity_type ?? '',
      ...(entity_name ? { name: entity_name } : {}),
    })),
    createdAt: dateOf(entity.create_time_usecs),
    completedAt: dateOf(entity.complete_time_usecs),
  }
}
