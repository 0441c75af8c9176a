/**
 * Machines, images and networks of a cluster as acs needs them, whatever the API version behind it; part of `prism.ts`.
 * Sizes are bytes, memory too. Source of the split: Prism v2 vms, images, networks and snapshots specifications.
 */
import type { CallOptions, MutationOptions, TaskReference } from './prism.js'

export interface ConsoleLog {
  /** Characters there are in all: where to go on. */
  offset: number
  text: string
}

export interface PrismMachines {
  /** With disks, interfaces and addresses. */
  vms(options?: CallOptions): Promise<Vm[]>
  /** Throws EACSNOTFOUND. `tolerateNotFoundMs`: keep asking, for a machine just created. */
  vm(uuid: string, options?: CallOptions & { tolerateNotFoundMs?: number }): Promise<Vm>
  /** Made off. Throws EACSTASKFAILED with Prism's words. */
  createVm(spec: VmSpec, options?: MutationOptions): Promise<TaskReference & { uuid: string }>
  /** The compare-and-swap at `expected.logicalTimestamp`, else EACSSTALE (conflict). */
  updateVm(expected: Vm, change: VmChange, options?: MutationOptions): Promise<TaskReference>
  /** Powers it off first, hard; the caller has asked. Fails while a volume group is attached. */
  deleteVm(vm: Vm, options?: MutationOptions & { withSnapshots?: boolean }): Promise<TaskReference>
  cloneVm(uuid: string, clone: VmCloneSpec, options?: MutationOptions): Promise<TaskReference & { uuid: string }>
  setPowerState(
    uuid: string,
    transition: PowerTransition,
    options?: MutationOptions & { hostUuid?: string },
  ): Promise<TaskReference>
  /** What it has written to its serial console, from the character `offset` on. Throws EACSNOCONSOLELOG (failed). */
  consoleLog(uuid: string, options?: CallOptions & { offset?: number }): Promise<ConsoleLog>
  addVmDisk(uuid: string, disk: VmDiskSpec, options?: MutationOptions): Promise<TaskReference>
  removeVmDisk(vm: Vm, label: string, options?: MutationOptions): Promise<TaskReference>
  /** Grows a disk in place, keeping its data. */
  resizeVmDisk(vm: Vm, label: string, sizeBytes: number, options?: MutationOptions): Promise<TaskReference>
  addVmNic(uuid: string, nic: VmNicSpec, options?: MutationOptions): Promise<TaskReference>
  removeVmNic(uuid: string, macAddress: string, options?: MutationOptions): Promise<TaskReference>

  /** Of one machine, or of all. */
  vmSnapshots(vmUuid?: string, options?: CallOptions): Promise<VmSnapshot[]>
  createVmSnapshot(vmUuid: string, name: string, options?: MutationOptions): Promise<TaskReference & { uuid: string }>
  deleteVmSnapshot(snapshot: VmSnapshot, options?: MutationOptions): Promise<TaskReference>
  /** The machine becomes what it was; it is off afterwards. */
  restoreVm(vmUuid: string, snapshotUuid: string, options?: MutationOptions): Promise<TaskReference>

  images(options?: CallOptions): Promise<Image[]>
  createImage(spec: ImageSpec, options?: MutationOptions): Promise<TaskReference & { uuid: string }>
  deleteImage(image: Image, options?: MutationOptions): Promise<TaskReference>

  networks(options?: CallOptions): Promise<Network[]>
  /** Answered at once, without a task. Throws EACSEXISTS for a name or VLAN that is taken. */
  createNetwork(spec: NetworkSpec, options?: CallOptions): Promise<{ uuid: string }>
  deleteNetwork(network: Network, options?: CallOptions): Promise<void>
}

/** Lower-cased from Prism's, which has each resource in a case of its own. */
export type PowerState = 'on' | 'off' | 'paused' | 'suspended' | 'changing' | 'unknown'

export type PowerTransition =
  'on' | 'off' | 'power-cycle' | 'reset' | 'pause' | 'suspend' | 'resume' | 'acpi-shutdown' | 'acpi-reboot'

export interface Vm {
  uuid: string
  name: string
  description: string
  /** Version for compare-and-swap. */
  logicalTimestamp: number
  powerState: PowerState
  memoryBytes: number
  vcpus: number
  coresPerVcpu: number
  /** Where it runs; absent while it is off. */
  hostUuid?: string
  timezone?: string
  uefi: boolean
  disks: VmDisk[]
  nics: VmNic[]
  /** Of all interfaces, in their order. */
  addresses: string[]
}

export type DiskBus = 'scsi' | 'ide' | 'pci' | 'sata' | 'spapr' | 'nvme'

export interface VmDisk {
  /** `unknown`: one that this acs has not heard of; the label has its name. */
  bus: DiskBus | 'unknown'
  index: number
  /** `scsi.0`, as people and Prism call it. */
  label: string
  cdrom: boolean
  empty: boolean
  /** Absent for an empty CD-ROM and for a volume group. */
  uuid?: string
  sizeBytes?: number
  storageContainerUuid?: string
  /** A volume group attached through the hypervisor. */
  volumeGroupUuid?: string
  /** Disk or image it was cloned from. */
  sourceUuid?: string
}

export interface VmNic {
  macAddress: string
  networkUuid: string
  connected: boolean
  addresses: string[]
}

/** Where a machine's new disk comes from. Without `index` the next free one of its bus. */
export type VmDiskSpec = { bus?: DiskBus; index?: number } & (
  | { kind: 'empty'; sizeBytes: number; storageContainerUuid: string }
  /** `cloneOf`: UUID of a disk, of a machine or an image's. */
  | { kind: 'clone'; cloneOf: string; minimumSizeBytes?: number; storageContainerUuid?: string }
  | { kind: 'cdrom'; cloneOf?: string }
  | { kind: 'volume-group'; volumeGroupUuid: string }
)

export interface VmNicSpec {
  networkUuid: string
  /** Of the network's pool; absent: any. */
  requestedAddress?: string
  macAddress?: string
}

export interface VmSpec {
  name: string
  /** Chosen by the client, so that a repeated create meets its first try. */
  uuid?: string
  description?: string
  memoryBytes: number
  vcpus: number
  coresPerVcpu?: number
  timezone?: string
  uefi?: boolean
  disks: VmDiskSpec[]
  nics: VmNicSpec[]
  /** Cloud-init user data, plain text. Never logged: it may hold passwords and keys. */
  userData?: string
}

export interface VmChange {
  name?: string
  description?: string
  memoryBytes?: number
  vcpus?: number
  coresPerVcpu?: number
  timezone?: string
}

/** What a clone has otherwise than its source; absent: the same. */
export interface VmCloneSpec {
  name: string
  uuid?: string
  memoryBytes?: number
  vcpus?: number
  coresPerVcpu?: number
  /** Instead of the source's networks. */
  nics?: VmNicSpec[]
  userData?: string
}

export interface VmSnapshot {
  uuid: string
  name: string
  vmUuid: string
  createdAt?: Date
  logicalTimestamp: number
}

export interface Image {
  uuid: string
  name: string
  description: string
  kind: 'disk' | 'iso' | 'unknown'
  /** Not before the cluster has all of it. */
  active: boolean
  /** Disk to clone machines' disks from. */
  diskUuid?: string
  sizeBytes?: number
  storageContainerUuid?: string
  createdAt?: Date
  logicalTimestamp: number
}

export interface ImageSpec {
  name: string
  uuid?: string
  description?: string
  kind: 'disk' | 'iso'
  /** `http:`, `https:` or `nfs:`, which the cluster must reach; or the disk to clone. */
  source: { url: string; storageContainerUuid: string; sha256?: string } | { diskUuid: string }
}

export interface Network {
  uuid: string
  name: string
  description: string
  vlanId: number
  logicalTimestamp: number
  virtualSwitch?: string
  /** Absent where the cluster gives no addresses (unmanaged). */
  ip?: NetworkIp
}

export interface NetworkIp {
  networkAddress: string
  prefixLength: number
  defaultGateway?: string
  dhcpServerAddress?: string
  domainName?: string
  nameServers: string[]
  pools: { first: string; last: string }[]
  /** Absent where the cluster does not know. */
  freeAddresses?: number
  assignedAddresses?: number
}

export interface NetworkSpec {
  name: string
  description?: string
  vlanId: number
  virtualSwitch?: string
  ip?: Omit<NetworkIp, 'freeAddresses' | 'assignedAddresses'>
}
