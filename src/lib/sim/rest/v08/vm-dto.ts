import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { DiskSource, VmDiskRecord, VmRecord } from '../../store/machine-records.js'
import type { StoredDisk } from '../../store/records.js'
import { groupDrives, type GroupDrive } from '../../vm-disks.js'
import { toCamel } from '../fields.js'
import { bootDto, nicDto } from '../v2/vm-dto.js'
import { diskPath } from '../v2/volume-group-dto.js'

/** What costs the cluster much and comes only when asked for (specified). */
export interface OldVmDetail {
  sizes: boolean
  paths: boolean
  addresses: boolean
}

/** From the specification. The first docker-machine driver knows the states `on` and `off`, in lower case. */
export function oldVmDto(cluster: SimulatedCluster, vm: VmRecord, detail: OldVmDetail): object {
  return {
    uuid: vm.uuid,
    state: vm.powerState,
    logicalTimestamp: vm.logicalTimestamp,
    ...(vm.hostUuid !== undefined && { hostUuid: vm.hostUuid }),
    config: {
      name: vm.name,
      ...(vm.description !== undefined && { description: vm.description }),
      memoryMb: vm.memoryMb,
      numVcpus: vm.vcpus,
      numCoresPerVcpu: vm.coresPerVcpu,
      haPriority: vm.haPriority,
      ...(vm.boot && { boot: toCamel(bootDto(vm.boot)) }),
      vmDisks: [
        ...vm.disks.map((drive) => driveDto(cluster, drive, detail)),
        ...groupDrives(cluster.store, vm.uuid).map(groupDriveDto),
      ],
      vmNics: vm.nics.map((nic) => toCamel(nicDto(nic, detail.addresses))),
    },
  }
}

function driveDto(cluster: SimulatedCluster, drive: VmDiskRecord, detail: OldVmDetail): object {
  const { disk, source } = drive
  return {
    ...placeDto(drive),
    isCdrom: drive.cdrom,
    isEmpty: disk === undefined,
    isSCSIPassthrough: drive.scsiPassthrough,
    ...(source && sourceDto(source)),
    ...(disk && contentDto(cluster, disk, detail)),
  }
}

function groupDriveDto({ group, index }: GroupDrive): object {
  return {
    ...placeDto({ bus: 'SCSI', index }),
    isCdrom: false,
    isEmpty: false,
    isSCSIPassthrough: true,
    volumeGroupUuid: group.uuid,
  }
}

/** Scripts call a drive `ide-0` in paths. */
function placeDto({ bus, index }: Pick<VmDiskRecord, 'bus' | 'index'>): object {
  const deviceBus = bus.toLowerCase()
  return { id: `${deviceBus}-${index}`, addr: { deviceBus, deviceIndex: index } }
}

function sourceDto(source: DiskSource): object {
  return 'path' in source ? { sourceImage: source.path } : { sourceVmDiskUuid: source.diskUuid }
}

function contentDto(cluster: SimulatedCluster, disk: StoredDisk, { sizes, paths }: OldVmDetail): object {
  const container = cluster.store.containers.get(disk.containerUuid)
  return {
    vmDiskUuid: disk.uuid,
    ...(container && { containerId: container.number }),
    containerUuid: disk.containerUuid,
    ...(sizes && { vmDiskSize: disk.sizeBytes }),
    ...(paths && { vmDiskPath: diskPath(cluster, disk) }),
  }
}
