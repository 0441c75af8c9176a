import type { ClientRequest, Authentication } from '../../store/records.js'
import type { DiskRequest } from '../../disk-plans.js'
import type { GroupSettings } from '../../volume-groups.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { readClone, readContainer, readSize } from '../disk-requests.js'
import { Fields } from '../fields.js'

/**
 * Requests about volume groups in every spelling seen in the wild: `create_config` (2017 on) and `create_spec` (AOS 5),
 * bytes and MB, container by UUID, number or name; v0.8's spellings too, once their keys are in snake_case.
 */
export function readSettings(fields: Fields): GroupSettings {
  const settings: GroupSettings = {
    name: fields.string('name'),
    description: fields.string('description'),
    flashMode: fields.boolean('flash_mode_enabled'),
    shared: fields.boolean('is_shared'),
    hidden: fields.boolean('is_hidden'),
    loadBalance: fields.boolean('load_balance_vm_attachments'),
    createdBy: fields.string('created_by'),
    usageType: fields.choice(['UNKNOWN', 'USER', 'INTERNAL', 'TEMPORARY', 'BACKUP_TARGET'], 'usage_type'),
    iscsiTarget: fields.string('iscsi_target'),
    iscsiTargetPrefix: fields.string('iscsi_target_prefix'),
    authentication: readAuthentication(fields),
  }
  return settings
}

/** `enabled_authentications`: CHAP wins over NONE; absent when the list is absent or empty. */
export function readAuthentication(fields: Fields): Authentication | undefined {
  const entries = fields.objects('enabled_authentications')
  if (!entries || entries.length === 0) return undefined
  for (const entry of entries) {
    if (entry.choice(['CHAP', 'NONE'], 'auth_type') !== 'CHAP') continue
    const secret = entry.string('password')
    return { type: 'chap', ...(secret !== undefined && secret !== '' && { secret }) }
  }
  return { type: 'none' }
}

export function readDisk(fields: Fields): DiskRequest {
  const create = fields.object('create_config', 'create_spec')
  const clone = fields.object('clone_config', 'clone_spec', 'clone')
  if (create && clone) throw bad('A disk is either created or cloned, not both')
  return {
    index: fields.integer('index'),
    flashMode: fields.boolean('flash_mode_enabled'),
    ...(create && { create: { sizeBytes: readSize(create) ?? 0, container: readContainer(create) ?? '' } }),
    ...(clone && { clone: readClone(clone) }),
  }
}

/** One initiator of `attached_clients` or `iscsi_client`. */
export function readClient(fields: Fields): ClientRequest {
  const address = fields.string('client_address')
  if (address === undefined) throw bad('Field client_address is missing')
  const authentication = readAuthentication(fields)
  return { address, ...(authentication && { authentication }) }
}

/** The initiator an open or close is about: an object, or one of the older flat fields. */
export function readExternal(fields: Fields): {
  address?: string
  clientUuid?: string
  authentication?: Authentication
} {
  const client = fields.object('iscsi_client')
  const address = client?.string('client_address') ?? fields.string('iscsi_initiator', 'iscsi_client_ip')
  const clientUuid = client?.string('uuid')
  if (address === undefined && clientUuid === undefined) throw bad('Field iscsi_client.client_address is missing')
  const authentication = client && readAuthentication(client)
  return { address, clientUuid, ...(authentication && { authentication }) }
}

/** `attached_clients`, or v0.8's `iscsi_initiator_name_list`. */
export function readClients(fields: Fields): ClientRequest[] | undefined {
  const clients = fields.objects('attached_clients')?.map(readClient)
  const names = fields.list('iscsi_initiator_name_list')?.map((name) => ({ address: String(name) }))
  return clients ?? names
}

function bad(message: string): WireError {
  return new WireError(400, message, errorCodes.badRequest)
}
