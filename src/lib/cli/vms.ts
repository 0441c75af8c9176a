import { formatSize, parseSize } from '../base/sizes.js'
import type { Vm, VmSnapshot } from '../prism/prism.js'
import type { Columns, JsonValue } from './output/columns.js'

const size = { numeric: true, parse: parseSize, format: (value: JsonValue) => formatSize(Number(value)) }

/** Columns of a machine, for every command that shows one. */
export const vmColumns: Columns<Vm> = [
  { key: 'name', header: 'Name', value: (vm) => vm.name },
  { key: 'uuid', header: 'UUID', value: (vm) => vm.uuid },
  { key: 'state', header: 'State', value: (vm) => vm.powerState },
  { key: 'addresses', header: 'Addresses', value: (vm) => vm.addresses },
  { key: 'vcpus', header: 'vCPUs', numeric: true, value: (vm) => vm.vcpus },
  { key: 'coresPerVcpu', header: 'Cores each', default: false, numeric: true, value: (vm) => vm.coresPerVcpu },
  { key: 'memoryBytes', header: 'Memory', ...size, value: (vm) => vm.memoryBytes },
  { key: 'diskBytes', header: 'Disks', ...size, value: (vm) => diskBytes(vm) },
  { key: 'host', header: 'Host', default: false, value: (vm) => vm.hostUuid ?? null },
  {
    key: 'disks',
    header: 'Devices',
    default: false,
    value: (vm) => vm.disks.map(({ label, volumeGroupUuid, uuid }) => `${label}=${volumeGroupUuid ?? uuid ?? 'empty'}`),
  },
  { key: 'macAddresses', header: 'MAC', default: false, value: (vm) => vm.nics.map((nic) => nic.macAddress) },
  { key: 'networks', header: 'Networks', default: false, value: (vm) => vm.nics.map((nic) => nic.networkUuid) },
  { key: 'uefi', header: 'UEFI', default: false, value: (vm) => vm.uefi },
  { key: 'timezone', header: 'Time zone', default: false, value: (vm) => vm.timezone ?? null },
  { key: 'description', header: 'Description', default: false, value: (vm) => vm.description || null },
]

/** Columns of a machine's snapshot. */
export const vmSnapshotColumns: Columns<VmSnapshot & { vm: string }> = [
  { key: 'name', header: 'Name', value: (snapshot) => snapshot.name },
  { key: 'uuid', header: 'UUID', value: (snapshot) => snapshot.uuid },
  { key: 'vm', header: 'Machine', value: (snapshot) => snapshot.vm },
  { key: 'createdAt', header: 'Created', value: (snapshot) => snapshot.createdAt?.toISOString() ?? null },
]

function diskBytes({ disks }: Vm): number {
  return disks.filter(({ cdrom }) => !cdrom).reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0)
}
