import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { VmRecord } from '../../store/machine-records.js'
import type { HostRecord } from '../../store/records.js'
import { disksOf } from '../../vm-jobs.js'
import { entityStatistics } from '../v2/statistics.js'
import { diskPath } from '../v2/volume-group-dto.js'

const bytesPerMb = 1024 ** 2

/**
 * Recorded, one running machine and one that is off (Checkmk's test data, Nutanix's cmdlets): every field is there, null
 * where it has no value; IDs begin with the cluster's UUID; containers are named once for each disk.
 */
export function v1VmDto(cluster: SimulatedCluster, vm: VmRecord): Record<string, unknown> {
  const clusterUuid = cluster.identity.uuid
  const idOf = (local: string | number): string => `${clusterUuid}::${local}`
  // Cloud-init's drive counts: the driver waits until there is one more than it asked for.
  const disks = disksOf(vm)
  const paths = disks.map((disk) => diskPath(cluster, disk))
  const memoryBytes = vm.memoryMb * bytesPerMb
  return {
    vmId: idOf(vm.uuid),
    uuid: vm.uuid,
    powerState: vm.powerState,
    vmName: vm.name,
    guestOperatingSystem: null,
    // Recorded for one that is off, too.
    ipAddresses: vm.nics.flatMap(({ address }) => address ?? []),
    hypervisorType: 'kKvm',
    ...hostDto(cluster.store.hosts.get(vm.hostUuid ?? ''), idOf),
    containerIds: disks.flatMap(({ containerUuid }) => {
      const container = cluster.store.containers.get(containerUuid)
      return container ? idOf(container.number) : []
    }),
    containerUuids: disks.map(({ containerUuid }) => containerUuid),
    nutanixVirtualDisks: paths,
    nutanixVirtualDiskIds: disks.map(({ uuid }) => idOf(uuid)),
    nutanixVirtualDiskUuids: disks.map(({ uuid }) => uuid),
    virtualNicIds: vm.nics.map(({ macAddress }) => idOf(`${vm.uuid}:${macAddress}`)),
    virtualNicUuids: vm.nics.map(({ uuid }) => uuid),
    clusterUuid,
    virtualGpuUuids: null,
    memoryCapacityInBytes: memoryBytes,
    memoryReservedCapacityInBytes: vm.hostUuid === undefined ? 0 : memoryBytes,
    numVCpus: vm.vcpus * vm.coresPerVcpu,
    cpuReservedInHz: null,
    numNetworkAdapters: vm.nics.length,
    controllerVm: false,
    controlDomain: null,
    vdiskNames: [],
    vdiskFilePaths: paths,
    diskCapacityInBytes: disks.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    displayable: true,
    acropolisVm: true,
    protectionDomainName: null,
    protectionType: 'unprotected',
    consistencyGroupName: null,
    description: vm.description ?? null,
    runningOnNdfs: true,
    nonNdfsDetails: null,
    fingerPrintOnWrite: 'none',
    onDiskDedup: 'NONE',
    stats: entityStatistics,
    usageStats: {},
    nutanixGuestTools: null,
    gpusInUse: null,
    vmType: 'kGuestVM',
  }
}

function hostDto(host: HostRecord | undefined, idOf: (local: number) => string): object {
  return {
    hostName: host?.name ?? null,
    hostId: host ? idOf(host.number) : null,
    hostUuid: host?.uuid ?? null,
  }
}
