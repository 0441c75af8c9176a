import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn } from '../../base/deadline.js'
import type { Attachment, CallOptions, InitiatorAccess, VolumeGroup, VolumeGroupChange } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { optional } from './request-body.js'
import type { VolumeGroupEntity } from './schema.js'
import { entityOf, getEntity, getVolumeGroup, groupPath, toVolumeGroup } from './volume-groups.js'

/**
 * Compare-and-swap of a volume group (v2 `PUT /volume_groups/{uuid}` with `logical_timestamp`).
 *
 * The PUT carries the whole document: `attached_clients` is the complete list of allowed initiators, and what
 * a document leaves out may be taken for "empty" (protobuf behind it cannot tell). Its answer is not
 * recorded anywhere, so the group is read again, and success means that it reads as asked.
 *
 * A lost answer leaves open whether the PUT was carried out. Repeating is safe, since the second of two equal PUTs
 * with one timestamp is refused; the group then tells: at the old timestamp nothing happened, at a newer one
 * with our content it was us. Two writers that ask for the very same content cannot be told apart; callers
 * that compete put something of their own into the description.
 *
 * Throws EACSSTALE (conflict), EACSNOTFOUND, EACSPRISM and the errors of every call.
 */
export async function updateVolumeGroup(
  http: PrismHttp,
  expected: VolumeGroup,
  change: VolumeGroupChange,
  options: CallOptions = {},
): Promise<VolumeGroup> {
  const deadline = options.deadline ?? deadlineIn(60_000)
  // At the version the caller decided by: one that is older by now is refused like any other stale one.
  const seen = entityOf(expected) ?? (await getEntity(http, expected.uuid, { deadline }))
  // 0 or nothing means "do not check" on the wire, and a change that does not check is not ours to make.
  if (!seen.logical_timestamp) throw unversioned(expected)
  if (seen.logical_timestamp !== expected.logicalTimestamp) throw stale(expected, toVolumeGroup(seen))

  const refusal = await put(http, seen, change, { deadline })
  const after = await getVolumeGroup(http, expected.uuid, { deadline })
  const difference = differenceOf(after, toVolumeGroup(seen), change)
  if (refusal === undefined) {
    if (difference !== undefined) throw notApplied(expected, after, difference)
    return after
  }
  // Unchanged: the refusal is about the change itself.
  if (after.logicalTimestamp === expected.logicalTimestamp) throw refusal
  if (difference === undefined && mayHaveBeenDone(refusal)) return after
  throw stale(expected, after, refusal)
}

/** `undefined` when Prism accepted; errors that say nothing about the change are thrown. */
async function put(
  http: PrismHttp,
  seen: VolumeGroupEntity,
  change: VolumeGroupChange,
  options: CallOptions,
): Promise<AcsError | undefined> {
  try {
    await http.request({
      method: 'PUT',
      path: groupPath(seen.uuid),
      body: documentOf(seen, change),
      repeatable: true,
      deadline: options.deadline,
      doing: `updating the volume group ${seen.name ?? seen.uuid}`,
    })
    return undefined
  } catch (error) {
    if (!isAcsError(error)) throw error
    const aboutTheChange = error.code === 'EACSPRISM' || error.code === 'EACSNOTFOUND'
    if (aboutTheChange || error.details.ambiguous === true) return error
    throw error
  }
}

function documentOf(seen: VolumeGroupEntity, change: VolumeGroupChange): Record<string, unknown> {
  const { chapSecret } = change
  return {
    uuid: seen.uuid,
    logical_timestamp: seen.logical_timestamp,
    name: change.name ?? seen.name,
    description: change.description ?? seen.description ?? '',
    flash_mode_enabled: change.flashMode ?? seen.flash_mode_enabled ?? false,
    attached_clients: change.allowedInitiators?.map(clientOf) ?? keptClients(seen),
    // `iscsi_target` is left out as in the scripts that work against clusters: it is not ours to change.
    ...optional('is_shared', seen.is_shared),
    ...optional('is_hidden', seen.is_hidden),
    ...optional('load_balance_vm_attachments', seen.load_balance_vm_attachments),
    ...optional('usage_type', seen.usage_type),
    ...optional('created_by', seen.created_by),
    // The secret never comes back from GET, so it is sent only when it changes.
    ...(chapSecret === undefined ? {} : { enabled_authentications: [authenticationOf(chapSecret)] }),
  }
}

export function clientOf(initiator: InitiatorAccess): Record<string, unknown> {
  return {
    client_address: initiator.clientAddress,
    ...(initiator.chapSecret === undefined
      ? {}
      : { enabled_authentications: [authenticationOf(initiator.chapSecret)] }),
  }
}

export function authenticationOf(chapSecret: string | null): Record<string, unknown> {
  return chapSecret === null ? { auth_type: 'NONE' } : { auth_type: 'CHAP', password: chapSecret }
}

function keptClients(seen: VolumeGroupEntity): Record<string, unknown>[] {
  return (seen.attachment_list ?? []).flatMap((attachment) => {
    const address = attachment.iscsi_initiator_name || attachment.initiator_ip_address
    // The rest are virtual machines, which the list of clients says nothing about.
    if (!address) return []
    return [{ client_address: address, ...optional('uuid', attachment.client_uuid) }]
  })
}

/** What of the change the group does not show, in words; `undefined` when it is as asked. */
function differenceOf(after: VolumeGroup, before: VolumeGroup, change: VolumeGroupChange): string | undefined {
  const wantedInitiators = change.allowedInitiators?.map(({ clientAddress }) => clientAddress) ?? addressesOf(before)
  const wantedChap = change.chapSecret === undefined ? before.chap : change.chapSecret !== null
  if (!sameSet(addressesOf(after), wantedInitiators))
    return `allowed initiators are ${addressesOf(after).join(', ') || 'none'}, asked for ${wantedInitiators.join(', ') || 'none'}`
  if (after.name !== (change.name ?? before.name)) return `the name is "${after.name}"`
  if (after.description !== (change.description ?? before.description)) return 'the description is another'
  if (after.flashMode !== (change.flashMode ?? before.flashMode))
    return `flash mode is ${after.flashMode ? 'on' : 'off'}`
  if (after.chap !== wantedChap) return `CHAP is ${after.chap ? 'on' : 'off'}`
  return undefined
}

/** Names or addresses of the initiators that are let in. */
export function addressesOf(group: { attachments: readonly Attachment[] }): string[] {
  return group.attachments.flatMap(({ initiatorName, initiatorAddress }) => initiatorName ?? initiatorAddress ?? [])
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  // iSCSI names are compared without case (RFC 7143 4.2.7).
  const normal = (list: readonly string[]): string =>
    [...new Set(list.map((item) => item.toLowerCase()))].sort().join(' ')
  return normal(one) === normal(other)
}

function mayHaveBeenDone(refusal: AcsError): boolean {
  return refusal.details.ambiguous === true || refusal.details.repeated === true
}

function stale(expected: VolumeGroup, now: VolumeGroup, cause?: AcsError): AcsError {
  return new AcsError(
    'conflict',
    'EACSSTALE',
    `the volume group "${expected.name}" was changed by someone else: it is at version ${now.logicalTimestamp}, we saw ${expected.logicalTimestamp}`,
    {
      cause,
      details: {
        uuid: expected.uuid,
        expectedTimestamp: expected.logicalTimestamp,
        actualTimestamp: now.logicalTimestamp,
        allowedInitiators: addressesOf(now),
      },
      hints: [`Look at it again: acs volume show ${expected.name}`],
    },
  )
}

function notApplied(expected: VolumeGroup, after: VolumeGroup, difference: string): AcsError {
  return new AcsError(
    'conflict',
    'EACSSTALE',
    `Prism accepted the change of the volume group "${expected.name}", but right after it ${difference}`,
    {
      details: {
        uuid: expected.uuid,
        expectedTimestamp: expected.logicalTimestamp,
        actualTimestamp: after.logicalTimestamp,
      },
      hints: [`Someone else may have changed it at the same moment: acs volume show ${expected.name}`],
    },
  )
}

function unversioned(expected: VolumeGroup): AcsError {
  return new AcsError(
    'failed',
    'EACSPRISM',
    `Prism gives no logical_timestamp for the volume group "${expected.name}", so it cannot be changed safely`,
    { details: { uuid: expected.uuid } },
  )
}
