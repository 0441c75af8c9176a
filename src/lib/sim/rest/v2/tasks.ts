import { isFinished, nowUsecs } from '../../tasks.js'
import type { TaskRecord } from '../../store/records.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { Fields } from '../fields.js'
import { bodyOf, type Reply, type Request, type Route } from '../routes.js'

export const taskRoutes: readonly Route[] = [
  { api: 'v2.0', method: 'GET', path: '/tasks/{uuid}', answer: getTask },
  { api: 'v2.0', method: 'POST', path: '/tasks/list', answer: listTasks },
  { api: 'v2.0', method: 'POST', path: '/tasks/poll', answer: pollTasks },
  { api: 'v2.0', method: 'PUT', path: '/tasks/cancel', answer: cancelTasks },
]

/** Recorded: Title-case status, `entity_name` null, `meta_response` with code 0 on success. */
export function taskDto(clusterUuid: string, task: TaskRecord): object {
  const updated = task.completedUsecs ?? (task.startedUsecs === undefined ? task.createdUsecs : nowUsecs())
  return {
    cluster_uuid: clusterUuid,
    ...(task.completedUsecs !== undefined && { complete_time_usecs: task.completedUsecs }),
    create_time_usecs: task.createdUsecs,
    entity_list: task.entities.map(({ uuid, type }) => ({ entity_id: uuid, entity_name: null, entity_type: type })),
    last_updated_time_usecs: updated,
    message: '',
    meta_request: { method_name: task.operation },
    ...(isFinished(task) && {
      meta_response: {
        error_code: task.errorCode ?? 0,
        ...(task.errorDetail !== undefined && { error_detail: task.errorDetail }),
      },
    }),
    operation_type: task.operation,
    percentage_complete: task.percent,
    progress_status: task.status,
    ...(task.startedUsecs !== undefined && { start_time_usecs: task.startedUsecs }),
    uuid: task.uuid,
  }
}

function getTask({ cluster, parameters }: Request): Reply {
  const task = cluster.tasks.find(parameters.uuid?.toLowerCase() ?? '')
  if (!task)
    throw new WireError(
      cluster.behaviour.unknownStatus,
      `Task ${parameters.uuid ?? ''} does not exist`,
      errorCodes.notFound,
    )
  return { body: taskDto(cluster.identity.uuid, task) }
}

function listTasks({ cluster, body }: Request): Reply {
  const fields = Fields.of(body ?? {})
  const includeCompleted = fields.boolean('include_completed') ?? true
  const operations = fields.list('operation_type_list')?.map(String)
  const entities = fields.objects('entity_list')?.flatMap((entity) => entity.string('entity_id')?.toLowerCase() ?? [])
  const clusters = fields.list('cluster_uuid_list')?.map(String)
  const cutOff = fields.integer('cut_off_time_usecs') ?? 0
  const found = cluster.tasks
    .list()
    .filter(
      (task) =>
        (includeCompleted || !isFinished(task)) &&
        (!operations || operations.length === 0 || operations.includes(task.operation)) &&
        (!entities || entities.length === 0 || task.entities.some((entity) => entities.includes(entity.uuid))) &&
        (!clusters || clusters.length === 0 || clusters.includes(cluster.identity.uuid)) &&
        task.createdUsecs >= cutOff,
    )
  const tasks = found.slice(0, fields.integer('count') ?? found.length)
  return {
    body: {
      metadata: { grand_total_entities: found.length, total_entities: found.length, count: tasks.length },
      entities: tasks.map((task) => taskDto(cluster.identity.uuid, task)),
    },
  }
}

/** Waits until one of the tasks has ended. Recorded: no `timed_out` when it is false. */
async function pollTasks(request: Request): Promise<Reply> {
  const { cluster } = request
  const fields = bodyOf(request)
  const uuids = (fields.list('completed_tasks') ?? []).map((uuid) => String(uuid).toLowerCase())
  const timeoutSeconds = Math.min(Math.max(fields.integer('timeout_interval') ?? 0, 0), 1800)
  await cluster.tasks.waitForAny(uuids, timeoutSeconds * 1000)
  const ended = uuids.flatMap((uuid) => cluster.tasks.find(uuid) ?? []).filter(isFinished)
  return {
    body: {
      completed_tasks_info: ended.map((task) => taskDto(cluster.identity.uuid, task)),
      ...(ended.length === 0 && { timed_out: true }),
    },
  }
}

/** The body is a bare list of UUIDs; the answer lists those that could be stopped (assumed). */
function cancelTasks({ cluster, body }: Request): Reply {
  if (!Array.isArray(body))
    throw new WireError(400, 'The request body must be a list of task UUIDs', errorCodes.badRequest)
  const uuids = body.map((uuid) => String(uuid).toLowerCase())
  const unknown = uuids.find((uuid) => !cluster.tasks.find(uuid))
  if (unknown !== undefined)
    throw new WireError(cluster.behaviour.unknownStatus, `Task ${unknown} does not exist`, errorCodes.notFound)
  const stopped = uuids.filter((uuid) => cluster.tasks.cancel(uuid))
  return {
    body: {
      metadata: { grand_total_entities: stopped.length, total_entities: stopped.length, count: stopped.length },
      entities: stopped,
    },
  }
}
