import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { CallOptions, InitiatorAccess, MutationOptions, TaskReference, VolumeGroup } from '../prism.js'
import type { PrismHttp } from '../http.js'
import * as v from 'valibot'
import { taskReferenceSchema, understand } from './schema.js'
import { optional } from './request-body.js'
import { taskTimeoutMs, waitForTask } from './tasks.js'
import { addressesOf, clientOf } from './volume-group-update.js'
import { findVolumeGroup, groupPath } from './volume-groups.js'

/**
 * v2 attaches an initiator with `open` and detaches it with `close`, both answered at once (no task). All four
 * calls here end in a state, so that state, read from the group, decides when an answer was lost or a repeat refused.
 */
export async function allowInitiator(
  http: PrismHttp,
  groupUuid: string,
  initiator: InitiatorAccess,
  options: CallOptions = {},
): Promise<void> {
  const deadline = options.deadline ?? deadlineIn(60_000)
  const body = { iscsi_client: clientOf(initiator), operation: 'ATTACH', uuid: groupUuid }
  await unlessAlready(
    http,
    groupUuid,
    deadline,
    (group) => lets(group, initiator.clientAddress),
    async () => {
      await external(http, groupUuid, '/open', body, deadline)
    },
  )
}

export async function revokeInitiator(
  http: PrismHttp,
  groupUuid: string,
  clientAddress: string,
  options: CallOptions = {},
): Promise<void> {
  const deadline = options.deadline ?? deadlineIn(60_000)
  const body = { iscsi_client: { client_address: clientAddress }, operation: 'DETACH', uuid: groupUuid }
  await unlessAlready(
    http,
    groupUuid,
    deadline,
    (group) => !lets(group, clientAddress),
    async () => {
      await external(http, groupUuid, '/close', body, deadline)
    },
  )
}

export async function attachToVm(
  http: PrismHttp,
  groupUuid: string,
  vmUuid: string,
  options: MutationOptions & { index?: number; logicalTimestamp?: number } = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const body = {
    operation: 'ATTACH',
    uuid: groupUuid,
    vm_uuid: vmUuid,
    ...optional('index', options.index),
    ...optional('logical_timestamp', options.logicalTimestamp),
  }
  return vmAction(http, groupUuid, '/attach', body, options, deadline, (group) => holds(group, vmUuid))
}

export async function detachFromVm(
  http: PrismHttp,
  groupUuid: string,
  vmUuid: string,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const body = { operation: 'DETACH', uuid: groupUuid, vm_uuid: vmUuid }
  return vmAction(http, groupUuid, '/detach', body, options, deadline, (group) => !holds(group, vmUuid))
}

async function external(
  http: PrismHttp,
  groupUuid: string,
  action: '/open' | '/close',
  body: unknown,
  deadline: Deadline,
): Promise<void> {
  const path = groupPath(groupUuid, action)
  const doing = action === '/open' ? 'allowing an initiator' : 'revoking an initiator'
  const result = await http.request({ method: 'POST', path, body, deadline, doing, repeatable: true })
  const { value } = understand(v.object({ value: v.nullish(v.boolean()) }), result.body ?? {}, doing)
  if (value === false)
    throw new AcsError('failed', 'EACSPRISM', `Prism did not succeed in ${doing} and does not say why`, {
      details: { uuid: groupUuid, requestId: result.requestId },
    })
}

async function vmAction(
  http: PrismHttp,
  groupUuid: string,
  action: '/attach' | '/detach',
  body: unknown,
  options: MutationOptions,
  deadline: Deadline,
  isDone: (group: VolumeGroup) => boolean,
): Promise<TaskReference> {
  const doing = action === '/attach' ? 'attaching to the VM' : 'detaching from the VM'
  let taskUuid: string | undefined
  await unlessAlready(http, groupUuid, deadline, isDone, async () => {
    const path = groupPath(groupUuid, action)
    const result = await http.request({ method: 'POST', path, body, deadline, doing, repeatable: true })
    taskUuid = understand(taskReferenceSchema, result.body ?? {}, doing).task_uuid ?? undefined
    if (taskUuid !== undefined && options.wait !== false)
      await waitForTask(http, taskUuid, { deadline, onTask: options.onTask })
  })
  return { taskUuid }
}

/** Swallows a refusal only where the group shows that what was asked for is so already. */
async function unlessAlready(
  http: PrismHttp,
  groupUuid: string,
  deadline: Deadline,
  isDone: (group: VolumeGroup) => boolean,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isAcsError(error) || !['EACSPRISM', 'EACSTASKFAILED'].includes(error.code)) throw error
    const group = await findVolumeGroup(http, groupUuid, { deadline })
    if (!group || !isDone(group)) throw error
  }
}

function lets(group: VolumeGroup, clientAddress: string): boolean {
  return addressesOf(group).some((address) => address.toLowerCase() === clientAddress.toLowerCase())
}

function holds(group: VolumeGroup, vmUuid: string): boolean {
  return group.attachments.some((attachment) => attachment.vmUuid === vmUuid)
}
