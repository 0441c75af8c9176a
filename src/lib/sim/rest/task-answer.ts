import type { TaskRecord } from '../store/records.js'
import type { Reply, Request } from './routes.js'

/** How each API says that a task was accepted: v0.8 and v1 with 200, as their users take it (assumed). */
export function taskAnswer({ method, api, cluster }: Request, task: TaskRecord): Reply {
  if (api !== 'v2.0') return { body: { taskUuid: task.uuid } }
  return { status: method === 'POST' ? cluster.behaviour.createdStatus : 200, body: { task_uuid: task.uuid } }
}
