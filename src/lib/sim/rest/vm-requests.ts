import {
  diskBuses,
  powerTransitions,
  type BootRecord,
  type DriveReference,
  type PowerTransition,
  type VmChange,
} from '../store/machine-records.js'
import type { CloneRequest, Customization, DriveRequest, NicRequest, VmRequest } from '../vm-plans.js'
import type { DriveChangeRequest } from '../vms.js'
import { errorCodes, WireError } from '../wire-error.js'
import { readClone, readContainer, readSize } from './disk-requests.js'
import { readUuid, type Fields } from './fields.js'

const bootTypes = ['CDROM', 'DISK', 'NIC'] as const

/** Requests about machines, after v2.0's specification, and v1's once their keys are in snake_case; as lenient as those about volume groups. */
export function readVm(fields: Fields): VmRequest {
  return {
    ...readVmChange(fields),
    uuid: readUuid(fields.string('uuid')),
    drives: (fields.objects('vm_disks') ?? []).map(readDrive),
    nics: (fields.objects('vm_nics') ?? []).map(readNic),
    customization: readCustomization(fields),
  }
}

/** Specified: fields that are not there stay as they are; disks and NICs are not changed this way. */
export function readVmChange(fields: Fields): VmChange {
  const features = fields.object('vm_features')
  return {
    name: fields.string('name'),
    description: fields.string('description'),
    memoryMb: fields.integer('memory_mb'),
    vcpus: fields.integer('num_vcpus'),
    coresPerVcpu: fields.integer('num_cores_per_vcpu'),
    timezone: fields.string('timezone'),
    haPriority: fields.integer('ha_priority'),
    boot: readBoot(fields.object('boot', 'boot_config')),
    agentVm: features?.boolean('AGENT_VM'),
    vgaConsole: features?.boolean('VGA_CONSOLE'),
  }
}

export function readCloneSpecs(fields: Fields): CloneRequest[] {
  return (fields.objects('spec_list') ?? []).map((spec) => ({
    uuid: readUuid(spec.string('uuid')),
    name: spec.string('name'),
    memoryMb: spec.integer('memory_mb'),
    vcpus: spec.integer('num_vcpus'),
    coresPerVcpu: spec.integer('num_cores_per_vcpu'),
    boot: readBoot(spec.object('boot_config')),
    ...(spec.boolean('override_network_config') === true && { nics: (spec.objects('vm_nics') ?? []).map(readNic) }),
  }))
}

/** Plain text, not base64 (specified). The container is the one for the ISO. */
export function readCustomization(fields: Fields): Customization | undefined {
  const config = fields.object('vm_customization_config')
  if (!config) return undefined
  return {
    userData: config.string('userdata'),
    userDataPath: config.string('userdata_path'),
    container: readContainer(fields),
  }
}

export function readDrive(fields: Fields): DriveRequest {
  const external = ['vm_disk_clone_external', 'vm_disk_passthru_external'].find((name) => fields.has(name))
  if (external !== undefined) throw bad(`${external} is not supported by the simulator`)
  const address = fields.object('disk_address')
  const create = fields.object('vm_disk_create')
  const clone = fields.object('vm_disk_clone')
  if (create && clone) throw bad('A disk is either created or cloned, not both')
  return {
    bus: address?.choice(diskBuses, 'device_bus'),
    index: address?.integer('device_index'),
    cdrom: fields.boolean('is_cdrom') ?? false,
    empty: fields.boolean('is_empty') ?? false,
    flashMode: fields.boolean('flash_mode_enabled'),
    scsiPassthrough: fields.boolean('is_scsi_pass_through', 'is_scsi_passthrough'),
    groupUuid: readUuid(address?.string('volume_group_uuid')),
    ...(create && { create: { sizeBytes: readSize(create) ?? 0, container: readContainer(create) ?? '' } }),
    ...(clone && { clone: readClone(clone) }),
  }
}

export function readDriveReference(fields: Fields): DriveReference {
  const address = fields.object('disk_address')
  if (!address) throw bad('Field disk_address is missing')
  return {
    diskUuid: readUuid(address.string('vmdisk_uuid')),
    groupUuid: readUuid(address.string('volume_group_uuid')),
    deviceUuid: readUuid(address.string('device_uuid')),
    bus: address.choice(diskBuses, 'device_bus'),
    index: address.integer('device_index'),
  }
}

/** Undocumented, as scripts send it: the drive's address, and what it is to be. */
export function readDriveChange(fields: Fields): DriveChangeRequest {
  const create = fields.object('vm_disk_create')
  const clone = fields.object('vm_disk_clone')
  return {
    drive: readDriveReference(fields),
    sizeBytes: create && readSize(create),
    flashMode: fields.boolean('flash_mode_enabled'),
    empty: fields.boolean('is_empty'),
    ...(clone && { insert: readClone(clone) }),
  }
}

export function readNic(fields: Fields): NicRequest {
  const networkUuid = readUuid(fields.string('network_uuid'))
  if (networkUuid === undefined) throw bad('Field network_uuid is missing')
  return {
    networkUuid,
    macAddress: fields.string('mac_address') || undefined,
    connected: fields.boolean('is_connected'),
    model: fields.string('model') || undefined,
    requestedAddress: fields.string('requested_ip_address') || undefined,
    requestIp: fields.boolean('request_ip'),
  }
}

export interface PowerChange {
  transition: PowerTransition
  hostUuid?: string
  logicalTimestamp?: number
}

export function readPowerChange(fields: Fields): PowerChange {
  const transition = fields.choice(powerTransitions, 'transition')
  if (!transition) throw bad('Field transition is missing')
  return { transition, hostUuid: readUuid(fields.string('host_uuid')), logicalTimestamp: timestampIn(fields) }
}

/** The machine's, which the caller believes to be current. */
export function timestampIn(fields: Fields): number | undefined {
  return fields.integer('vm_logical_timestamp', 'logical_timestamp')
}

function readBoot(fields: Fields | undefined): BootRecord | undefined {
  if (!fields) return undefined
  const disk = fields.object('disk_address')
  const bus = disk?.choice(diskBuses, 'device_bus')
  const macAddress = fields.string('mac_addr')
  const deviceOrder = fields.list('boot_device_order')?.map(String)
  const deviceType = fields.choice(bootTypes, 'boot_device_type')
  return {
    uefi: fields.boolean('uefi_boot') ?? false,
    secureBoot: fields.boolean('secure_boot') ?? false,
    ...(deviceType && { deviceType }),
    ...(deviceOrder && { deviceOrder }),
    ...(disk && bus && { disk: { bus, index: disk.integer('device_index') ?? 0 } }),
    ...(macAddress !== undefined && { macAddress }),
  }
}

function bad(message: string): WireError {
  return new WireError(400, message, errorCodes.badRequest)
}
