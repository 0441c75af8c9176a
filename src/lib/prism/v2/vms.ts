import type { CallOptions, DiskBus, PowerState, Vm, VmDisk, VmNic } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { listAllByOffset } from './collection.js'
import { ifKnown, readEntity, type EntityKind } from './entity.js'
import { vmSchema, type VmDiskEntity, type VmEntity } from './machine-schema.js'

/** Without these an answer has neither disks nor interfaces (recorded: no `vm_nics` where they were not asked for). */
const withDetails = { include_vm_disk_config: true, include_vm_nic_config: true } as const

export async function listVms(http: PrismHttp, options: CallOptions = {}): Promise<Vm[]> {
  const entities = await listAllByOffset(http, vmSchema, '/vms/', {
    query: withDetails,
    deadline: options.deadline,
    doing: 'listing VMs',
  })
  return entities.map(toVm)
}

export async function getVm(
  http: PrismHttp,
  uuid: string,
  options: CallOptions & { tolerateNotFoundMs?: number } = {},
): Promise<Vm> {
  return toVm(await getVmEntity(http, uuid, options))
}

/** The machine as Prism gives it, with the fields that only the wire knows. Throws EACSNOTFOUND. */
export function getVmEntity(
  http: PrismHttp,
  uuid: string,
  options: CallOptions & { tolerateNotFoundMs?: number } = {},
): Promise<VmEntity> {
  return readEntity(http, vmKind, uuid, options)
}

/** The machine, or `undefined` when the cluster does not know it. */
export function findVm(http: PrismHttp, uuid: string, options: CallOptions = {}): Promise<Vm | undefined> {
  return ifKnown(getVm(http, uuid, options))
}

const vmKind: EntityKind<typeof vmSchema> = {
  what: 'VM',
  schema: vmSchema,
  path: vmPath,
  query: withDetails,
  list: listVms,
  listCommand: 'acs vm list',
}

export function vmPath(uuid: string, rest = ''): string {
  return `/vms/${encodeURIComponent(uuid)}${rest}`
}

export function toVm(entity: VmEntity): Vm {
  const nics = (entity.vm_nics ?? []).map(toNic)
  return {
    uuid: entity.uuid,
    name: entity.name ?? '',
    description: entity.description ?? '',
    logicalTimestamp: entity.vm_logical_timestamp ?? 0,
    powerState: powerStates[entity.power_state ?? 'unknown'] ?? 'unknown',
    memoryBytes: (entity.memory_mb ?? 0) * 1024 ** 2,
    vcpus: entity.num_vcpus ?? 0,
    coresPerVcpu: entity.num_cores_per_vcpu ?? 1,
    hostUuid: entity.host_uuid || undefined,
    timezone: entity.timezone || undefined,
    uefi: entity.boot?.uefi_boot ?? false,
    disks: (entity.vm_disk_info ?? []).map(toDisk),
    nics,
    addresses: [...new Set(nics.flatMap(({ addresses }) => addresses))],
  }
}

const powerStates: Readonly<Record<string, PowerState | undefined>> = {
  on: 'on',
  off: 'off',
  paused: 'paused',
  suspended: 'suspended',
  powering_on: 'changing',
  shutting_down: 'changing',
  powering_off: 'changing',
  pausing: 'changing',
  suspending: 'changing',
  resuming: 'changing',
  resetting: 'changing',
  migrating: 'changing',
}

const buses: readonly DiskBus[] = ['scsi', 'ide', 'pci', 'sata', 'spapr', 'nvme']

export function toDisk(disk: VmDiskEntity, position: number): VmDisk {
  const address = disk.disk_address
  const index = address?.device_index ?? position
  const bus = address?.device_bus ?? 'unknown'
  const volumeGroupUuid = address?.volume_group_uuid || undefined
  return {
    bus: buses.find((known) => known === bus) ?? 'unknown',
    index,
    label: address?.disk_label || `${bus}.${index}`,
    cdrom: disk.is_cdrom ?? false,
    empty: disk.is_empty ?? false,
    uuid: volumeGroupUuid === undefined ? address?.vmdisk_uuid || undefined : undefined,
    sizeBytes: disk.size ?? undefined,
    storageContainerUuid: disk.storage_container_uuid || undefined,
    volumeGroupUuid,
    sourceUuid: disk.source_disk_address?.vmdisk_uuid || undefined,
  }
}

function toNic(nic: NonNullable<VmEntity['vm_nics']>[number]): VmNic {
  // `ip_address` is the first of them, and the only one that older versions tell.
  const addresses = [nic.ip_address, ...(nic.ip_addresses ?? [])].flatMap((address) => address?.trim() || [])
  return {
    macAddress: nic.mac_address ?? '',
    networkUuid: nic.network_uuid ?? '',
    connected: nic.is_connected ?? true,
    addresses: [...new Set(addresses)],
  }
}
