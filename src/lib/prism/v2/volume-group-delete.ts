import { AcsError } from '../../base/errors.js'
import type { MutationOptions, TaskReference, VolumeGroup } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { remove } from './removal.js'
import { addressesOf } from './volume-group-update.js'
import { findVolumeGroup, groupPath } from './volume-groups.js'

/**
 * Deletes a group if it is still as we saw it. Gone is success when an earlier try of this call may have
 * done it. Throws EACSNOTFOUND, EACSSTALE, EACSATTACHED, EACSTASKFAILED, EACSPRISM.
 */
export function deleteVolumeGroup(
  http: PrismHttp,
  group: VolumeGroup,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const removal = {
    what: 'volume group',
    path: groupPath(group.uuid),
    find: (call: MutationOptions) => findVolumeGroup(http, group.uuid, call),
    whyNot: stillAttached,
    lookCommand: `acs volume show ${group.name}`,
  }
  return remove(http, group, removal, options)
}

/** Told from its state; how Prism words it is not recorded. */
function stillAttached(now: VolumeGroup, cause: AcsError): AcsError | undefined {
  if (now.attachments.length === 0) return undefined
  const holders = [...addressesOf(now), ...now.attachments.flatMap(({ vmUuid }) => (vmUuid ? `VM ${vmUuid}` : []))]
  return new AcsError(
    'conflict',
    'EACSATTACHED',
    `the volume group "${now.name}" is attached to ${holders.join(', ')}`,
    {
      cause,
      details: { ...cause.details, uuid: now.uuid, holders },
      hints: [`See who holds it: acs volume explain ${now.name}`, `Detach it first: acs volume detach ${now.name}`],
    },
  )
}
