import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { DiskSpec, MutationOptions, TaskReference, VolumeDisk, VolumeGroup } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { pause } from './entity.js'
import { settle, taskTimeoutMs } from './tasks.js'
import { diskOf } from './volume-group-create.js'
import { findVolumeGroup, getVolumeGroup, groupPath } from './volume-groups.js'

/** How long a disk may take to show its new size after Prism has accepted it. */
const settleMs = 10_000

/**
 * Adds a disk. Not repeated by itself after a lost answer: two disks would be the price. An `index` of the
 * caller's makes it safe to call again, since an index is taken once.
 */
export async function addDisk(
  http: PrismHttp,
  groupUuid: string,
  disk: DiskSpec,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const { body } = await http.request({
    method: 'POST',
    path: groupPath(groupUuid, '/disks'),
    body: { ...diskOf(disk), volume_group_uuid: groupUuid },
    deadline,
    doing: 'adding a disk',
  })
  return settle(http, body, 'a change of disks', { ...options, deadline })
}

/**
 * Grows a disk in place (`upgrade_spec` with `preserve_data`). The v2 answer names no task, so success is
 * the disk showing at least the new size. Throws EACSNOTFOUND for an unknown index, EACSSIZE for a smaller size.
 */
export async function resizeDisk(
  http: PrismHttp,
  groupUuid: string,
  index: number,
  sizeBytes: number,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const disk = diskAt(await getVolumeGroup(http, groupUuid, { deadline }), index)
  if (sizeBytes < disk.sizeBytes)
    throw new AcsError('usage', 'EACSSIZE', `disk ${index} has ${disk.sizeBytes} bytes and can only grow`, {
      details: { groupUuid, index, sizeBytes: disk.sizeBytes },
    })
  if (sizeBytes === disk.sizeBytes) return {}
  const { body } = await http.request({
    method: 'PUT',
    path: groupPath(groupUuid, '/disks'),
    body: { index, volume_group_uuid: groupUuid, upgrade_spec: { size: sizeBytes, preserve_data: true } },
    repeatable: true,
    deadline,
    doing: `growing disk ${index}`,
  })
  const reference = await settle(http, body, 'a change of disks', { ...options, deadline })
  if (options.wait !== false) await sizeShown(http, { groupUuid, index, sizeBytes }, deadline)
  return reference
}

/** Removes the disk now at `index`. A repeat cannot hit a later disk there: the group's timestamp guards it. */
export async function removeDisk(
  http: PrismHttp,
  groupUuid: string,
  index: number,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const group = await getVolumeGroup(http, groupUuid, { deadline })
  const disk = diskAt(group, index)
  try {
    const { body } = await http.request({
      method: 'DELETE',
      path: groupPath(groupUuid, `/disks/${index}`),
      query: { logical_timestamp: group.logicalTimestamp },
      repeatable: true,
      deadline,
      doing: `removing disk ${index}`,
    })
    return await settle(http, body, 'a change of disks', { ...options, deadline })
  } catch (error) {
    if (!isAcsError(error) || error.details.repeated !== true) throw error
    const now = await findVolumeGroup(http, groupUuid, { deadline })
    if (now?.disks.some(({ uuid }) => uuid === disk.uuid)) throw error
    return {}
  }
}

async function sizeShown(
  http: PrismHttp,
  wanted: { groupUuid: string; index: number; sizeBytes: number },
  deadline: Deadline,
): Promise<void> {
  const until = Date.now() + settleMs
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    const disk = diskAt(await getVolumeGroup(http, wanted.groupUuid, { deadline }), wanted.index)
    if (disk.sizeBytes >= wanted.sizeBytes) return
    if (Date.now() >= until)
      throw new AcsError(
        'failed',
        'EACSPRISM',
        `Prism accepted the new size of disk ${wanted.index}, and still shows ${disk.sizeBytes} bytes`,
        { details: { ...wanted, shownBytes: disk.sizeBytes }, hints: ['acs task list'] },
      )
    await pause(deadline, delayMs, 'waiting for the volume group')
  }
}

function diskAt(group: VolumeGroup, index: number): VolumeDisk {
  const disk = group.disks.find((candidate) => candidate.index === index)
  if (disk) return disk
  throw new AcsError('not-found', 'EACSNOTFOUND', `the volume group "${group.name}" has no disk ${index}`, {
    details: { uuid: group.uuid, index, indexes: group.disks.map((candidate) => candidate.index) },
  })
}
