import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn } from '../../base/deadline.js'
import type { MutationOptions, TaskReference, VmNicSpec } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { changeMachine } from './machine-change.js'
import { taskTimeoutMs } from './tasks.js'
import { findVm, vmPath } from './vms.js'

/** v2 `VMNicSpecDTO`. Without `request_ip` a managed network gives any address, and another none. */
export function vmNicOf(nic: VmNicSpec): Record<string, unknown> {
  return {
    network_uuid: nic.networkUuid,
    ...(nic.requestedAddress === undefined ? {} : { request_ip: true, requested_ip_address: nic.requestedAddress }),
    ...(nic.macAddress === undefined ? {} : { mac_address: nic.macAddress }),
  }
}

/** Adds an interface. Not repeated by itself after a lost answer: two interfaces would be the price. */
export async function addVmNic(
  http: PrismHttp,
  uuid: string,
  nic: VmNicSpec,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const request = {
    method: 'POST' as const,
    path: vmPath(uuid, '/nics/'),
    body: { uuid, spec_list: [vmNicOf(nic)] },
    doing: `adding an interface to the VM ${uuid}`,
    what: 'a change of interfaces',
  }
  return changeMachine(http, { uuid }, request, options)
}

/** Removes the interface of that MAC address, which is its identity in v2. Throws EACSNOTFOUND. */
export async function removeVmNic(
  http: PrismHttp,
  uuid: string,
  macAddress: string,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  try {
    const request = {
      method: 'DELETE' as const,
      // Colons may stand in a path, and scripts that work against clusters send them so.
      path: vmPath(uuid, `/nics/${encodeURIComponent(macAddress).replaceAll('%3A', ':')}`),
      repeatable: true,
      doing: `removing the interface ${macAddress} of the VM ${uuid}`,
      what: 'a change of interfaces',
    }
    return await changeMachine(http, { uuid }, request, { ...options, deadline })
  } catch (error) {
    if (!isAcsError(error) || !['EACSPRISM', 'EACSNOTFOUND', 'EACSTASKFAILED'].includes(error.code)) throw error
    const now = await findVm(http, uuid, { deadline })
    if (now?.nics.some((nic) => nic.macAddress.toLowerCase() === macAddress.toLowerCase())) throw error
    if (error.details.repeated === true) return {}
    throw new AcsError(
      'not-found',
      'EACSNOTFOUND',
      now ? `the VM "${now.name}" has no interface ${macAddress}` : `there is no VM ${uuid}`,
      {
        cause: error,
        details: { uuid, macAddress },
        hints: now ? [`It has: ${now.nics.map((nic) => nic.macAddress).join(', ') || 'none'}`] : ['acs vm list'],
      },
    )
  }
}
