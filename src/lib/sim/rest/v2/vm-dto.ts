import type { SimulatedCluster } from '../../simulated-cluster.js'
import type {
  BootRecord,
  DiskSource,
  NicRecord,
  VmDiskRecord,
  VmRecord,
  VmSnapshotRecord,
} from '../../store/machine-records.js'
import { driveLabel, groupDrives, isHotPluggable, type GroupDrive } from '../../vm-disks.js'
import { diskPath } from './volume-group-dto.js'

/** What an answer is to show beside the bare machine; neither by itself (specified). */
export interface VmDetail {
  disks: boolean
  nics: boolean
}

/** Recorded (AOS 6.1): unset fields are omitted; states and buses in lower case; cloud-init's data never comes back. */
export function vmDto(cluster: SimulatedCluster, vm: VmRecord, detail: VmDetail): Record<string, unknown> {
  return {
    allow_live_migrate: true,
    gpus_assigned: false,
    ...(vm.boot && { boot: bootDto(vm.boot) }),
    ...(vm.description !== undefined && { description: vm.description }),
    ha_priority: vm.haPriority,
    ...(vm.hostUuid !== undefined && { host_uuid: vm.hostUuid }),
    memory_mb: vm.memoryMb,
    name: vm.name,
    num_cores_per_vcpu: vm.coresPerVcpu,
    num_vcpus: vm.vcpus,
    power_state: vm.powerState,
    timezone: vm.timezone,
    uuid: vm.uuid,
    ...(detail.disks && {
      vm_disk_info: [
        ...vm.disks.map((drive) => driveDto(cluster, drive)),
        ...groupDrives(cluster.store, vm.uuid).map(groupDriveDto),
      ],
    }),
    vm_features: { AGENT_VM: vm.agentVm, VGA_CONSOLE: vm.vgaConsole },
    vm_logical_timestamp: vm.logicalTimestamp,
    ...(detail.nics && { vm_nics: vm.nics.map((nic) => nicDto(nic, true)) }),
    machine_type: vm.boot?.secureBoot === true ? 'q35' : 'pc',
  }
}

/** From the specification. */
export function nicDto(nic: NicRecord, withAddresses: boolean): object {
  return {
    mac_address: nic.macAddress,
    network_uuid: nic.networkUuid,
    nic_uuid: nic.uuid,
    model: nic.model ?? '',
    ...(withAddresses && nic.address !== undefined && { ip_address: nic.address, ip_addresses: [nic.address] }),
    ...(nic.requestedAddress !== undefined && { requested_ip_address: nic.requestedAddress }),
    vlan_mode: 'Access',
    is_connected: nic.connected,
  }
}

/** From the specification: what a machine made from the snapshot would be. */
export function snapshotDto(snapshot: VmSnapshotRecord): object {
  const { vm } = snapshot
  return {
    uuid: snapshot.uuid,
    deleted: false,
    logical_timestamp: snapshot.logicalTimestamp,
    created_time: snapshot.createdUsecs,
    group_uuid: snapshot.groupUuid,
    vm_uuid: snapshot.vmUuid,
    snapshot_name: snapshot.name,
    vm_create_spec: {
      ...(vm.boot && { boot: bootDto(vm.boot) }),
      ...(vm.description !== undefined && { description: vm.description }),
      ha_priority: vm.haPriority,
      memory_mb: vm.memoryMb,
      name: vm.name,
      num_cores_per_vcpu: vm.coresPerVcpu,
      num_vcpus: vm.vcpus,
      timezone: vm.timezone,
      vm_disks: vm.disks.map((drive) => snapshotDriveDto(snapshot, drive)),
      vm_features: { AGENT_VM: vm.agentVm, VGA_CONSOLE: vm.vgaConsole },
      vm_nics: vm.nics.map((nic) => nicDto(nic, false)),
    },
  }
}

function driveDto(cluster: SimulatedCluster, drive: VmDiskRecord): object {
  const { disk, source, bus } = drive
  return {
    disk_address: {
      ...placeDto(drive),
      ...(disk && { ndfs_filepath: diskPath(cluster, disk), vmdisk_uuid: disk.uuid }),
      device_uuid: drive.deviceUuid,
    },
    is_cdrom: drive.cdrom,
    is_empty: disk === undefined,
    flash_mode_enabled: drive.flashMode ?? false,
    is_scsi_passthrough: drive.scsiPassthrough,
    is_hot_remove_enabled: isHotPluggable(bus),
    is_thin_provisioned: false,
    shared: false,
    ...(source && { source_disk_address: sourceDto(source) }),
    // Specified: unset when the drive is empty.
    ...(disk && { storage_container_uuid: disk.containerUuid, size: disk.sizeBytes }),
  }
}

/** Seen by a script: a volume group's UUID in the address, and a label like any disk's. */
function groupDriveDto({ group, index }: GroupDrive): object {
  return {
    disk_address: { ...placeDto({ bus: 'SCSI', index }), volume_group_uuid: group.uuid },
    is_cdrom: false,
    is_empty: false,
    flash_mode_enabled: group.flashMode ?? false,
    is_scsi_passthrough: true,
    is_hot_remove_enabled: true,
    is_thin_provisioned: false,
    shared: group.shared,
  }
}

function snapshotDriveDto(snapshot: VmSnapshotRecord, drive: VmDiskRecord): object {
  const { disk } = drive
  return {
    disk_address: { device_bus: drive.bus.toLowerCase(), device_index: drive.index },
    is_cdrom: drive.cdrom,
    is_empty: disk === undefined,
    is_scsi_pass_through: drive.scsiPassthrough,
    ...(disk && {
      vm_disk_clone: {
        disk_address: { vmdisk_uuid: disk.uuid },
        snapshot_group_uuid: snapshot.groupUuid,
        storage_container_uuid: disk.containerUuid,
      },
    }),
  }
}

function placeDto({ bus, index }: Pick<VmDiskRecord, 'bus' | 'index'>): object {
  return { device_bus: bus.toLowerCase(), device_index: index, disk_label: driveLabel(bus, index) }
}

function sourceDto(source: DiskSource): object {
  return 'path' in source ? { ndfs_filepath: source.path } : { vmdisk_uuid: source.diskUuid }
}

export function bootDto(boot: BootRecord): object {
  return {
    ...(boot.disk && { disk_address: { device_bus: boot.disk.bus.toLowerCase(), device_index: boot.disk.index } }),
    ...(boot.deviceType && { boot_device_type: boot.deviceType.toLowerCase() }),
    ...(boot.deviceOrder && { boot_device_order: boot.deviceOrder }),
    ...(boot.macAddress !== undefined && { mac_addr: boot.macAddress }),
    uefi_boot: boot.uefi,
    secure_boot: boot.secureBoot,
  }
}
