import { deadlineIn } from '../../base/deadline.js'
import type { HttpRequest, PrismHttp } from '../http.js'
import type { MutationOptions, TaskReference } from '../prism.js'
import { onMachine, type About } from './machine-refusal.js'
import { settle, taskTimeoutMs } from './tasks.js'

/**
 * A call that changes a machine, to the end of its task unless `wait` is `false`. `what` names its answer: `a restore`.
 * Throws like `onMachine` and `settle`.
 */
export function changeMachine(
  http: PrismHttp,
  about: About,
  request: Omit<HttpRequest, 'deadline'> & { what: string },
  options: MutationOptions,
): Promise<TaskReference> {
  const { what, ...call } = request
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  return onMachine(about, async () => {
    const { body } = await http.request({ ...call, deadline })
    return settle(http, body, what, { ...options, deadline })
  })
}
