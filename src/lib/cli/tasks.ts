import type { Task } from '../prism/prism.js'
import type { Columns } from './output/columns.js'
import type { Progress } from './progress.js'

/** Columns of a task, for every command that shows one. */
export const taskColumns: Columns<Task> = [
  { key: 'uuid', header: 'UUID', value: (task) => task.uuid },
  { key: 'operation', header: 'Operation', value: (task) => task.operation },
  { key: 'status', header: 'Status', value: (task) => task.status },
  {
    key: 'percent',
    header: 'Done',
    numeric: true,
    format: (value) => `${Number(value)} %`,
    value: (task) => task.percent,
  },
  { key: 'entities', header: 'Entities', value: (task) => task.entities.map((entity) => entity.name ?? entity.uuid) },
  { key: 'createdAt', header: 'Created', value: (task) => task.createdAt?.toISOString() ?? null },
  { key: 'completedAt', header: 'Completed', default: false, value: (task) => task.completedAt?.toISOString() ?? null },
  { key: 'error', header: 'Error', default: false, value: (task) => task.errorDetail ?? null },
]

/** For `CallOptions.onTask`: says what task is waited for and how far it is. */
export function taskProgress(progress: Progress): (task: Task) => void {
  let following: string | undefined
  return (task) => {
    if (following !== task.uuid) progress.start(`Waiting for task ${task.operation}`)
    following = task.uuid
    if (task.status === 'succeeded') progress.done()
    else if (task.status === 'failed' || task.status === 'aborted') progress.fail(task.status)
    else progress.update(task.status === 'queued' ? 'queued' : `${task.percent} %`)
  }
}
