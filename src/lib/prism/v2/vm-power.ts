import { isAcsError } from '../../base/errors.js'
import { deadlineIn } from '../../base/deadline.js'
import type { MutationOptions, PowerState, PowerTransition, TaskReference } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { onMachine } from './machine-refusal.js'
import { settle, taskTimeoutMs } from './tasks.js'
import { optional } from './request-body.js'
import { findVm, vmPath } from './vms.js'

interface Transition {
  /** As v2 writes it. */
  word: string
  /** Where it ends once its task is done; absent where that is where it began, or up to the guest. */
  end?: PowerState
}

const transitions = {
  on: { word: 'ON', end: 'on' },
  off: { word: 'OFF', end: 'off' },
  'power-cycle': { word: 'POWERCYCLE' },
  reset: { word: 'RESET' },
  pause: { word: 'PAUSE', end: 'paused' },
  suspend: { word: 'SUSPEND', end: 'suspended' },
  resume: { word: 'RESUME', end: 'on' },
  'acpi-shutdown': { word: 'ACPI_SHUTDOWN' },
  'acpi-reboot': { word: 'ACPI_REBOOT' },
} as const satisfies Record<PowerTransition, Transition>

/**
 * Changes the power state and waits for the task, which for ACPI transitions only hands the guest the signal. What ends in
 * a state may be repeated after a lost answer, and that state then counts as success; a reset may not.
 * Throws EACSPOWERSTATE (conflict), EACSNORESOURCES, EACSNOTFOUND, EACSTASKFAILED, EACSPRISM.
 */
export async function setPowerState(
  http: PrismHttp,
  uuid: string,
  transition: PowerTransition,
  options: MutationOptions & { hostUuid?: string } = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const { word, end }: Transition = transitions[transition]
  const doing = `setting the power state of the VM ${uuid} (${transition})`
  const call = { repeated: false }
  try {
    return await onMachine({ uuid }, async () => {
      const result = await http.request({
        method: 'POST',
        path: vmPath(uuid, '/set_power_state/'),
        body: { uuid, transition: word, ...optional('host_uuid', options.hostUuid) },
        repeatable: end !== undefined,
        deadline,
        doing,
      })
      call.repeated = result.repeated
      return settle(http, result.body, 'a change of power state', { ...options, deadline })
    })
  } catch (error) {
    if (end === undefined || !isAcsError(error) || !(call.repeated || error.details.repeated === true)) throw error
    const now = await findVm(http, uuid, { deadline })
    if (now?.powerState !== end) throw error
    return {}
  }
}
