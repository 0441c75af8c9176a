import { randomUUID } from 'node:crypto'
import type { DiskSpec, MutationOptions, TaskReference, VolumeGroup, VolumeGroupSpec } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { bringForth, type Wanted } from './bring-forth.js'
import { authenticationOf } from './volume-group-update.js'
import { findVolumeGroup, groupPath, listVolumeGroups } from './volume-groups.js'

/**
 * Creates a group under a uuid chosen here, so that a repeat meets its first try instead of making a second
 * group. Resolves when the group can be read with all its disks. Throws EACSEXISTS, EACSTASKFAILED, EACSPRISM.
 */
export async function createVolumeGroup(
  http: PrismHttp,
  spec: VolumeGroupSpec,
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = wantedGroup(http, spec.uuid ?? randomUUID(), spec.name, spec.disks.length)
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
  const wanted = wantedGroup(http, clone.uuid ?? randomUUID(), clone.name, 0)
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

function wantedGroup(http: PrismHttp, uuid: string, name: string, diskCount: number): Wanted<VolumeGroup> {
  return {
    what: 'volume group',
    uuid,
    name,
    taskEntity: /^volume_?group$/i,
    find: (found, options) => findVolumeGroup(http, found, options),
    lacks: ({ disks }) => (disks.length < diskCount ? `${disks.length} of ${diskCount} disks` : undefined),
    all: (options) => listVolumeGroups(http, options),
    showCommand: `acs volume show ${name}`,
    listCommand: 'acs volume list',
  }
}
