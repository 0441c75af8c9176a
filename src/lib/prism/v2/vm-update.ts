import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn } from '../../base/deadline.js'
import type { MutationOptions, TaskReference, Vm, VmChange } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { onMachine } from './machine-refusal.js'
import { settle, taskTimeoutMs } from './tasks.js'
import { inMebibytes, optional } from './request-body.js'
import { findVm, vmPath } from './vms.js'

/**
 * Compare-and-swap of a machine's settings (v2 `PUT /vms/{uuid}/` with `vm_logical_timestamp`). All settings that acs knows
 * are sent with those that change, in case one that is missing is taken for unset; disks and interfaces are left out, as
 * their lists would be taken for complete, and the specification requires none.
 *
 * A repeat is safe, as the second of two equal changes is refused for its timestamp; the machine then tells whether the
 * first was carried out. Throws EACSSTALE, EACSNOTFOUND, EACSPOWERSTATE, EACSNORESOURCES, EACSTASKFAILED, EACSPRISM.
 */
export function updateVm(
  http: PrismHttp,
  expected: Vm,
  change: VmChange,
  options: MutationOptions = {},
): Promise<TaskReference> {
  // 0 or nothing means "do not check" on the wire, and a change that does not check is not ours to make.
  if (!expected.logicalTimestamp) return Promise.reject(unversioned(expected))
  return onMachine(expected, () => swap(http, expected, change, options))
}

async function swap(http: PrismHttp, expected: Vm, change: VmChange, options: MutationOptions): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const wanted = { ...expected, ...given(change) }
  let repeated = false
  try {
    const result = await http.request({
      method: 'PUT',
      path: vmPath(expected.uuid, '/'),
      body: {
        uuid: expected.uuid,
        vm_logical_timestamp: expected.logicalTimestamp,
        name: wanted.name,
        description: wanted.description,
        memory_mb: inMebibytes(wanted.memoryBytes),
        num_vcpus: wanted.vcpus,
        num_cores_per_vcpu: wanted.coresPerVcpu,
        ...optional('timezone', wanted.timezone),
      },
      repeatable: true,
      deadline,
      doing: `changing the VM "${expected.name}"`,
    })
    repeated = result.repeated
    return await settle(http, result.body, 'a change of a VM', { ...options, deadline })
  } catch (error) {
    if (!isAcsError(error) || !['EACSPRISM', 'EACSNOTFOUND', 'EACSTASKFAILED'].includes(error.code)) throw error
    const now = await findVm(http, expected.uuid, { deadline })
    if (now === undefined) throw gone(expected, error)
    if ((repeated || error.details.repeated === true) && shows(now, change)) return {}
    // A task that failed may have moved the timestamp itself.
    const aboutVersion = error.code !== 'EACSTASKFAILED' || /timestamp/i.test(error.message)
    if (aboutVersion && now.logicalTimestamp !== expected.logicalTimestamp) throw stale(expected, now, error)
    throw error
  }
}

/** Without what is `undefined`, which means "as it is". */
function given(change: VmChange): VmChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}

function shows(now: Vm, change: VmChange): boolean {
  const wanted = { ...now, ...given(change) }
  return (
    now.name === wanted.name &&
    now.description === wanted.description &&
    inMebibytes(now.memoryBytes) === inMebibytes(wanted.memoryBytes) &&
    now.vcpus === wanted.vcpus &&
    now.coresPerVcpu === wanted.coresPerVcpu &&
    now.timezone === wanted.timezone
  )
}

function stale(expected: Vm, now: Vm, cause: AcsError): AcsError {
  return new AcsError(
    'conflict',
    'EACSSTALE',
    `the VM "${expected.name}" was changed by someone else: it is at version ${now.logicalTimestamp}, we saw ${expected.logicalTimestamp}`,
    {
      cause,
      details: {
        uuid: expected.uuid,
        expectedTimestamp: expected.logicalTimestamp,
        actualTimestamp: now.logicalTimestamp,
      },
      hints: [`Look at it again: acs vm show ${now.name}`],
    },
  )
}

function gone(expected: Vm, cause: AcsError): AcsError {
  return new AcsError('not-found', 'EACSNOTFOUND', `there is no VM "${expected.name}" any more`, {
    cause,
    details: { uuid: expected.uuid },
  })
}

function unversioned(expected: Vm): AcsError {
  return new AcsError(
    'failed',
    'EACSPRISM',
    `Prism gives no vm_logical_timestamp for the VM "${expected.name}", so it cannot be changed safely`,
    { details: { uuid: expected.uuid } },
  )
}
