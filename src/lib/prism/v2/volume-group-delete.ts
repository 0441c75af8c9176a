import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn } from '../../base/deadline.js'
import type { MutationOptions, TaskReference, VolumeGroup } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { taskReferenceSchema, understand } from './schema.js'
import { taskTimeoutMs, waitForTask } from './tasks.js'
import { addressesOf } from './volume-group-update.js'
import { findVolumeGroup, groupPath } from './volume-groups.js'

/**
 * Deletes a group if it is still as we saw it. Gone is success when an earlier try of this call may have
 * done it. Throws EACSNOTFOUND, EACSSTALE, EACSATTACHED, EACSTASKFAILED, EACSPRISM.
 */
export async function deleteVolumeGroup(
  http: PrismHttp,
  group: VolumeGroup,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  try {
    const { body } = await http.request({
      method: 'DELETE',
      path: groupPath(group.uuid),
      query: { logical_timestamp: group.logicalTimestamp },
      // The timestamp makes a repeat safe: it cannot hit another state than the one we saw.
      repeatable: true,
      deadline,
      doing: `deleting the volume group "${group.name}"`,
    })
    const taskUuid = understand(taskReferenceSchema, body ?? {}, 'a deletion').task_uuid ?? undefined
    if (taskUuid !== undefined && options.wait !== false)
      await waitForTask(http, taskUuid, { deadline, onTask: options.onTask })
    return { taskUuid }
  } catch (error) {
    if (!isAcsError(error)) throw error
    if (!['EACSPRISM', 'EACSNOTFOUND', 'EACSTASKFAILED'].includes(error.code)) throw error
    const now = await findVolumeGroup(http, group.uuid, { deadline })
    if (now === undefined && error.details.repeated === true) return {}
    throw now === undefined ? gone(group, error) : whyNot(group, now, error)
  }
}

function gone(group: VolumeGroup, cause: AcsError): AcsError {
  return new AcsError('not-found', 'EACSNOTFOUND', `there is no volume group "${group.name}" any more`, {
    cause,
    details: { uuid: group.uuid },
  })
}

/** Why a group that is still there was not deleted, told from its state; how Prism words it is not recorded. */
function whyNot(seen: VolumeGroup, now: VolumeGroup, cause: AcsError): AcsError {
  const details = { ...cause.details, uuid: seen.uuid }
  if (now.attachments.length > 0) {
    const holders = [...addressesOf(now), ...now.attachments.flatMap(({ vmUuid }) => (vmUuid ? `VM ${vmUuid}` : []))]
    return new AcsError(
      'conflict',
      'EACSATTACHED',
      `the volume group "${now.name}" is attached to ${holders.join(', ')}`,
      {
        cause,
        details: { ...details, holders },
        hints: [`See who holds it: acs volume explain ${now.name}`, `Detach it first: acs volume detach ${now.name}`],
      },
    )
  }
  if (now.logicalTimestamp !== seen.logicalTimestamp)
    return new AcsError(
      'conflict',
      'EACSSTALE',
      `the volume group "${now.name}" was changed by someone else: it is at version ${now.logicalTimestamp}, we saw ${seen.logicalTimestamp}`,
      { cause, details, hints: [`Look at it again: acs volume show ${now.name}`] },
    )
  return cause
}
