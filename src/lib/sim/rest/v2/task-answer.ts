import type { TaskRecord } from '../../store/records.js'
import type { Reply, Request } from '../routes.js'

/** How v2.0 says that a task was accepted. */
export function taskAnswer({ method, cluster }: Request, task: TaskRecord): Reply {
  return { status: method === 'POST' ? cluster.behaviour.createdStatus : 200, body: { task_uuid: task.uuid } }
}
