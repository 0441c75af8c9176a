import type { CallOptions, VolumeDisk, VolumeGroup } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { listAll } from './collection.js'
import { ifKnown, readEntity, type EntityKind } from './entity.js'
import { usesChap } from './iscsi-clients.js'
import { volumeGroupSchema, type VolumeGroupEntity } from './schema.js'

export async function listVolumeGroups(http: PrismHttp, options: CallOptions = {}): Promise<VolumeGroup[]> {
  const entities = await listAll(http, volumeGroupSchema, '/volume_groups/', {
    query: { include_disk_size: true },
    deadline: options.deadline,
    doing: 'listing volume groups',
  })
  return entities.map(toVolumeGroup)
}

export async function getVolumeGroup(
  http: PrismHttp,
  uuid: string,
  options: CallOptions & { tolerateNotFoundMs?: number } = {},
): Promise<VolumeGroup> {
  const entity = await getEntity(http, uuid, options)
  const group = toVolumeGroup(entity)
  entities.set(group, entity)
  return group
}

const entities = new WeakMap<VolumeGroup, VolumeGroupEntity>()

/**
 * What Prism said of a group that was read by itself, with the fields that only the wire knows; undefined for one of a
 * list, which may leave some out.
 */
export function entityOf(group: VolumeGroup): VolumeGroupEntity | undefined {
  return entities.get(group)
}

/** The group as Prism gives it, with the fields that only the wire knows. Throws EACSNOTFOUND. */
export function getEntity(
  http: PrismHttp,
  uuid: string,
  options: CallOptions & { tolerateNotFoundMs?: number } = {},
): Promise<VolumeGroupEntity> {
  return readEntity(http, groupKind, uuid, options)
}

const groupKind: EntityKind<typeof volumeGroupSchema> = {
  what: 'volume group',
  schema: volumeGroupSchema,
  path: groupPath,
  query: { include_disk_size: true, include_disk_path: true },
  list: listVolumeGroups,
  listCommand: 'acs volume list',
}

export function groupPath(uuid: string, rest = ''): string {
  return `/volume_groups/${encodeURIComponent(uuid)}${rest}`
}

/** The group, or `undefined` when the cluster does not know it. */
export function findVolumeGroup(
  http: PrismHttp,
  uuid: string,
  options: CallOptions = {},
): Promise<VolumeGroup | undefined> {
  return ifKnown(getVolumeGroup(http, uuid, options))
}

export function toVolumeGroup(entity: VolumeGroupEntity): VolumeGroup {
  return {
    uuid: entity.uuid,
    name: entity.name ?? '',
    description: entity.description ?? '',
    logicalTimestamp: entity.logical_timestamp ?? 0,
    disks: (entity.disk_list ?? []).map(toDisk).sort((one, other) => one.index - other.index),
    iscsiTarget: entity.iscsi_target ?? '',
    attachments: (entity.attachment_list ?? []).map((attachment) => ({
      initiatorName: attachment.iscsi_initiator_name || undefined,
      initiatorAddress: attachment.initiator_ip_address || undefined,
      clientUuid: attachment.client_uuid || undefined,
      vmUuid: attachment.vm_uuid || undefined,
    })),
    flashMode: entity.flash_mode_enabled ?? false,
    chap: usesChap(entity.enabled_authentications),
    shared: entity.is_shared ?? false,
    createdBy: entity.created_by || undefined,
  }
}

function toDisk(disk: NonNullable<VolumeGroupEntity['disk_list']>[number], position: number): VolumeDisk {
  return {
    index: disk.index ?? position,
    uuid: disk.vmdisk_uuid ?? '',
    sizeBytes: disk.vmdisk_size_bytes ?? (disk.vmdisk_size_mb ?? 0) * 1024 ** 2,
    storageContainerUuid: disk.storage_container_uuid ?? disk.container_uuid ?? '',
    path: disk.vmdisk_path || undefined,
  }
}
