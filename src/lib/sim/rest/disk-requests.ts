import type { DiskRequest } from '../disk-plans.js'
import type { Fields } from './fields.js'

export function readSize(fields: Fields): number | undefined {
  const megabytes = fields.integer('size_mb')
  return fields.integer('size') ?? (megabytes === undefined ? undefined : megabytes * 1024 ** 2)
}

export function readContainer(fields: Fields): string | undefined {
  return fields.string(
    'storage_container_uuid',
    'container_uuid',
    'storage_container_id',
    'container_id',
    'container_name',
    'storage_container_name',
  )
}

/** What a disk is copied from, for groups, machines and images alike. */
export function readClone(fields: Fields): NonNullable<DiskRequest['clone']> {
  const address = fields.object('disk_address') ?? fields
  const minimumMb = fields.integer('minimum_size_mb')
  return {
    diskUuid: address.string('vmdisk_uuid', 'vm_disk_uuid'),
    groupUuid: address.string('volume_group_uuid'),
    deviceIndex: address.integer('device_index'),
    path: address.string('ndfs_filepath', 'image_path'),
    minimumSizeBytes: fields.integer('minimum_size') ?? (minimumMb === undefined ? undefined : minimumMb * 1024 ** 2),
    container: readContainer(fields),
  }
}
