import { randomUUID } from 'node:crypto'
import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { DiskSpec, MutationOptions, Task, TaskReference, VolumeGroup, VolumeGroupSpec } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { taskReferenceSchema, understand } from './schema.js'
import { taskTimeoutMs, waitForTask } from './tasks.js'
import { authenticationOf } from './volume-group-update.js'
import { findVolumeGroup, groupPath, listVolumeGroups, pause } from './volume-groups.js'

/** A group may answer 404 for a while after its task has succeeded, and its disks come later still. */
const appearMs = 10_000

/**
 * Creates a group under a uuid chosen here, so that a repeat meets its first try instead of making a second
 * group. Resolves when the group can be read with all its disks. Throws EACSEXISTS, EACSTASKFAILED, EACSPRISM.
 */
export async function createVolumeGroup(
  http: PrismHttp,
  spec: VolumeGroupSpec,
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = { uuid: spec.uuid ?? randomUUID(), name: spec.name, diskCount: spec.disks.length }
  const body = {
    uuid: wanted.uuid,
    name: spec.name,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    disk_list: spec.disks.map(diskOf),
    ...(spec.flashMode === undefined ? {} : { flash_mode_enabled: spec.flashMode }),
    ...(spec.shared === undefined ? {} : { is_shared: spec.shared }),
    ...(spec.chapSecret === undefined ? {} : { enabled_authentications: [authenticationOf(spec.chapSecret)] }),
    ...(spec.iscsiTargetPrefix === undefined ? {} : { iscsi_target_prefix: spec.iscsiTargetPrefix }),
  }
  return bringForth(http, '/volume_groups/', body, wanted, options)
}

/** Clones a group with its disks; the clone lets nobody in. Same guarantees and errors as create. */
export async function cloneVolumeGroup(
  http: PrismHttp,
  uuid: string,
  clone: { name: string; uuid?: string },
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = { uuid: clone.uuid ?? randomUUID(), name: clone.name, diskCount: 0 }
  return bringForth(http, groupPath(uuid, '/clone'), { uuid: wanted.uuid, name: clone.name }, wanted, options)
}

/** `clone_config` takes a disk of another group, `create_config` makes an empty one (v2 `VolumeDiskCreateSpecDTO`). */
export function diskOf(disk: DiskSpec): Record<string, unknown> {
  const index = disk.index === undefined ? {} : { index: disk.index }
  if ('sizeBytes' in disk)
    return { ...index, create_config: { size: disk.sizeBytes, storage_container_uuid: disk.storageContainerUuid } }
  const { cloneOf, minimumSizeBytes } = disk
  return {
    ...index,
    clone_config: {
      disk_address: { volume_group_uuid: cloneOf.groupUuid, device_index: cloneOf.index },
      ...(minimumSizeBytes === undefined ? {} : { minimum_size: minimumSizeBytes }),
    },
  }
}

interface Wanted {
  uuid: string
  name: string
  diskCount: number
}

async function bringForth(
  http: PrismHttp,
  path: string,
  body: unknown,
  wanted: Wanted,
  options: MutationOptions,
): Promise<TaskReference & { uuid: string }> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const doing = `creating the volume group "${wanted.name}"`
  let taskUuid: string | undefined
  try {
    const result = await http.request({ method: 'POST', path, body, deadline, doing, repeatable: true })
    taskUuid = understand(taskReferenceSchema, result.body, 'a new volume group').task_uuid ?? undefined
    if (options.wait === false) return { uuid: wanted.uuid, taskUuid }
    const task =
      taskUuid === undefined ? undefined : await waitForTask(http, taskUuid, { deadline, onTask: options.onTask })
    const group = await appearance(http, { ...wanted, uuid: createdUuid(task, wanted.uuid) }, deadline)
    return { uuid: group.uuid, taskUuid }
  } catch (error) {
    const first = await firstTry(http, wanted, error, deadline)
    if (first) return { uuid: first.uuid, taskUuid }
    throw await explain(http, wanted, error, deadline)
  }
}

/** A cluster that does not take our uuid names its own in the task. */
function createdUuid(task: Task | undefined, ours: string): string {
  const groups = (task?.entities ?? []).filter(({ type }) => /^volume_?group$/i.test(type)).map(({ uuid }) => uuid)
  // A clone's task may name its source too, in no known order.
  return groups.length === 0 || groups.includes(ours) || groups.length > 1 ? ours : (groups[0] ?? ours)
}

async function appearance(http: PrismHttp, wanted: Wanted, deadline: Deadline): Promise<VolumeGroup> {
  const until = Date.now() + appearMs
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    const group = await findVolumeGroup(http, wanted.uuid, { deadline })
    if (group && group.disks.length >= wanted.diskCount) return group
    if (Date.now() >= until)
      throw new AcsError(
        'failed',
        'EACSPRISM',
        group
          ? `the new volume group "${wanted.name}" has ${group.disks.length} of ${wanted.diskCount} disks`
          : `Prism says that the volume group "${wanted.name}" was created, and does not know it ${appearMs / 1000} s later`,
        { details: { uuid: wanted.uuid }, hints: ['Look for it: acs volume list', 'acs task list'] },
      )
    await pause(deadline, delayMs)
  }
}

/** A complete group with our uuid and name, though this try failed: an earlier one made it, or is about to. */
async function firstTry(
  http: PrismHttp,
  wanted: Wanted,
  error: unknown,
  deadline: Deadline,
): Promise<VolumeGroup | undefined> {
  if (!isRefusal(error)) return undefined
  const until = Date.now() + (error.details.repeated === true ? appearMs : 0)
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    const group = await findVolumeGroup(http, wanted.uuid, { deadline })
    if (group?.name === wanted.name && group.disks.length >= wanted.diskCount) return group
    if (Date.now() >= until) return undefined
    await pause(deadline, delayMs)
  }
}

async function explain(http: PrismHttp, wanted: Wanted, error: unknown, deadline: Deadline): Promise<unknown> {
  // How Prism words a taken name is not recorded; so the name must be taken in fact and its words must fit.
  if (!isRefusal(error) || !/exist|duplicate|already|unique|in use/i.test(error.message)) return error
  const groups = await listVolumeGroups(http, { deadline })
  const other = groups.find(({ name, uuid }) => name === wanted.name && uuid !== wanted.uuid)
  if (!other) return error
  return new AcsError('conflict', 'EACSEXISTS', `there is already a volume group "${wanted.name}"`, {
    cause: error,
    details: { ...error.details, uuid: other.uuid, name: wanted.name },
    hints: [`Look at it: acs volume show ${wanted.name}`],
  })
}

function isRefusal(error: unknown): error is AcsError {
  return isAcsError(error, 'EACSPRISM') || isAcsError(error, 'EACSTASKFAILED')
}
