import type { SimulatedCluster } from '../../simulated-cluster.js'
import type {
  AttachmentRecord,
  Authentication,
  ClientRecord,
  DiskRecord,
  GroupRecord,
  StoredDisk,
} from '../../store/records.js'
import { isIP } from 'node:net'

/** What an answer is to show beside the bare group. */
export interface GroupDetail {
  size: boolean
  path: boolean
  /** How each client proves itself; v0.8 does not know that. */
  clientAuthentication: boolean
}

/** Recorded (AOS 6.1): unset fields are omitted, never null; secrets never come back. */
export function groupDto(cluster: SimulatedCluster, group: GroupRecord, detail: GroupDetail): object {
  return {
    uuid: group.uuid,
    name: group.name,
    ...(group.description !== undefined && { description: group.description }),
    logical_timestamp: group.logicalTimestamp,
    disk_list: group.disks.map((disk) => diskDto(cluster, group, disk, detail)),
    iscsi_target: group.iscsiTarget,
    attachment_list: group.attachments.flatMap((attachment) => attachmentDto(cluster, attachment, detail) ?? []),
    ...(group.flashMode !== undefined && { flash_mode_enabled: group.flashMode }),
    ...(group.authentication && { enabled_authentications: authenticationsDto(group.authentication) }),
    usage_type: group.usageType,
    is_shared: group.shared,
    ...(group.hidden !== undefined && { is_hidden: group.hidden }),
    ...(group.loadBalance !== undefined && { load_balance_vm_attachments: group.loadBalance }),
    ...(group.createdBy !== undefined && { created_by: group.createdBy }),
  }
}

/** The answer to an update, as the specification has it: what can be set on the group itself. */
export function updatedGroupDto(group: GroupRecord): object {
  return {
    ...(group.flashMode !== undefined && { flash_mode_enabled: group.flashMode }),
    ...(group.authentication && { enabled_authentications: authenticationsDto(group.authentication) }),
    usage_type: group.usageType,
    ...(group.hidden !== undefined && { is_hidden: group.hidden }),
    ...(group.loadBalance !== undefined && { load_balance_vm_attachments: group.loadBalance }),
    ...(group.createdBy !== undefined && { created_by: group.createdBy }),
  }
}

export function clientDto(client: ClientRecord): object {
  return {
    uuid: client.uuid,
    client_address: client.address,
    ...(client.authentication && { enabled_authentications: authenticationsDto(client.authentication) }),
  }
}

function diskDto(cluster: SimulatedCluster, group: GroupRecord, disk: DiskRecord, detail: GroupDetail): object {
  const container = cluster.store.containers.get(disk.containerUuid)
  const flashMode = disk.flashMode ?? group.flashMode
  return {
    index: disk.index,
    vmdisk_uuid: disk.uuid,
    ...(container && { container_id: container.number, storage_container_id: container.number }),
    container_uuid: disk.containerUuid,
    storage_container_uuid: disk.containerUuid,
    ...(detail.size && {
      vmdisk_size_mb: Math.ceil(disk.sizeBytes / 1024 ** 2),
      vmdisk_size_bytes: disk.sizeBytes,
    }),
    ...(detail.path && { vmdisk_path: diskPath(cluster, disk) }),
    ...(flashMode !== undefined && { flash_mode_enabled: flashMode }),
  }
}

/** Recorded: `/Default/.acropolis/vmdisk/<uuid>`. */
export function diskPath({ store }: SimulatedCluster, disk: StoredDisk): string {
  return `/${store.containers.get(disk.containerUuid)?.name ?? ''}/.acropolis/vmdisk/${disk.uuid}`
}

function attachmentDto(
  cluster: SimulatedCluster,
  attachment: AttachmentRecord,
  detail: GroupDetail,
): object | undefined {
  if ('vmUuid' in attachment) return { vm_uuid: attachment.vmUuid }
  const client = cluster.store.clients.get(attachment.clientUuid)
  if (!client) return undefined
  return {
    client_uuid: client.uuid,
    ...(isIP(client.address) === 0
      ? { iscsi_initiator_name: client.address }
      : { initiator_ip_address: client.address }),
    ...(detail.clientAuthentication &&
      client.authentication && { enabled_authentications: authenticationsDto(client.authentication) }),
  }
}

/** Recorded in lower case. */
function authenticationsDto(authentication: Authentication): object[] {
  return [{ auth_type: authentication.type }]
}
