import type { DiskPlan, StoredDisk } from './records.js'

/** Machines, images, networks and snapshots, as records.ts has the rest. */
export interface NetworkRecord {
  readonly uuid: string
  readonly name: string
  readonly annotation?: string
  readonly logicalTimestamp: number
  /** 0: untagged. */
  readonly vlanId: number
  readonly vswitchName: string
  readonly virtualSwitchUuid: string
  /** Absent: the cluster gives no addresses there. */
  readonly ip?: IpConfigRecord
  /** Addresses nobody gets. */
  readonly blacklist: readonly string[]
}

/** IPv4, dotted. */
export interface IpConfigRecord {
  readonly networkAddress: string
  readonly prefixLength: number
  readonly defaultGateway?: string
  readonly dhcpServerAddress?: string
  readonly dhcpOptions: DhcpOptions
  readonly pools: readonly AddressRange[]
}

/** As the wire has them; several values of one are separated by commas. */
export interface DhcpOptions {
  readonly domain_name_servers?: string
  readonly domain_name?: string
  readonly domain_search?: string
  readonly tftp_server_name?: string
  readonly boot_file_name?: string
}

/** Both ends belong to it. */
export interface AddressRange {
  readonly first: string
  readonly last: string
}

export type ImageType = 'DISK_IMAGE' | 'ISO_IMAGE'

export interface Checksum {
  readonly type: 'SHA_1' | 'SHA_256'
  /** Hex, lower case. */
  readonly value: string
}

export interface ImageRecord {
  readonly uuid: string
  readonly name: string
  readonly annotation?: string
  readonly type: ImageType
  readonly logicalTimestamp: number
  readonly containerUuid: string
  /** Absent as long as its content is on its way. */
  readonly disk?: StoredDisk
  readonly checksum?: Checksum
  readonly createdUsecs: number
  readonly updatedUsecs: number
}

export const diskBuses = ['SCSI', 'IDE', 'PCI', 'SATA', 'SPAPR', 'NVME'] as const
export type DiskBus = (typeof diskBuses)[number]

/** Where a disk's content came from, as the wire tells it. */
export type DiskSource = { readonly diskUuid: string } | { readonly path: string }

/** A drive of a machine. Volume groups are not among them: the group's attachments say where it is. */
export interface VmDiskRecord {
  readonly bus: DiskBus
  readonly index: number
  readonly deviceUuid: string
  readonly cdrom: boolean
  /** Absent: an empty CD-ROM drive. */
  readonly disk?: StoredDisk
  readonly source?: DiskSource
  readonly flashMode?: boolean
  readonly scsiPassthrough: boolean
}

export interface NicRecord {
  readonly uuid: string
  /** Lower case. */
  readonly macAddress: string
  readonly networkUuid: string
  readonly connected: boolean
  readonly model?: string
  /** Given by the network, or asked for. */
  readonly address?: string
  /** What was asked for. */
  readonly requestedAddress?: string
}

export interface BootRecord {
  readonly uefi: boolean
  readonly secureBoot: boolean
  readonly deviceType?: 'CDROM' | 'DISK' | 'NIC'
  readonly deviceOrder?: readonly string[]
  readonly disk?: { readonly bus: DiskBus; readonly index: number }
  readonly macAddress?: string
}

/** Where a machine rests; what lies between two of them is a running task. */
export type PowerState = 'on' | 'off' | 'paused' | 'suspended'

/** Cloud-init's data for a machine's first start. May hold passwords: never told, never logged. */
export interface CustomizationRecord {
  readonly userData?: string
  readonly userDataPath?: string
}

export interface VmRecord {
  readonly uuid: string
  readonly name: string
  readonly description?: string
  readonly logicalTimestamp: number
  readonly memoryMb: number
  readonly vcpus: number
  readonly coresPerVcpu: number
  readonly timezone: string
  readonly haPriority: number
  readonly powerState: PowerState
  /** Where it runs; absent while it is off or suspended. */
  readonly hostUuid?: string
  readonly boot?: BootRecord
  readonly agentVm: boolean
  readonly vgaConsole: boolean
  readonly disks: readonly VmDiskRecord[]
  readonly nics: readonly NicRecord[]
  readonly customization?: CustomizationRecord
  readonly createdAtMs: number
}

/** A machine as it was, with copies of its disks. */
export interface VmSnapshotRecord {
  readonly uuid: string
  readonly name: string
  readonly vmUuid: string
  /** The same for all that were taken at one moment. */
  readonly groupUuid: string
  readonly logicalTimestamp: number
  readonly createdUsecs: number
  readonly vm: VmRecord
}

/** A drive to make. Without an index it gets the lowest free one of its bus. */
export interface VmDiskPlan {
  readonly bus: DiskBus
  readonly index?: number
  readonly deviceUuid: string
  readonly cdrom: boolean
  readonly plan?: DiskPlan
  readonly source?: DiskSource
  readonly flashMode?: boolean
  readonly scsiPassthrough: boolean
}

/** A volume group that is to become a disk of a machine. */
export interface VmGroupPlan {
  readonly groupUuid: string
  readonly index?: number
}

export interface NicPlan {
  readonly uuid: string
  readonly networkUuid: string
  readonly macAddress?: string
  readonly connected: boolean
  readonly model?: string
  readonly requestedAddress?: string
  /** Default: an address where the network gives some. */
  readonly requestIp?: boolean
}

/** A machine to make: `vm` has neither disks nor NICs yet. */
export interface VmPlan {
  readonly vm: VmRecord
  readonly disks: readonly VmDiskPlan[]
  readonly groups: readonly VmGroupPlan[]
  readonly nics: readonly NicPlan[]
}

/** Absent: stays. */
export interface VmChange {
  readonly name?: string
  readonly description?: string
  readonly memoryMb?: number
  readonly vcpus?: number
  readonly coresPerVcpu?: number
  readonly timezone?: string
  readonly haPriority?: number
  readonly boot?: BootRecord
  readonly agentVm?: boolean
  readonly vgaConsole?: boolean
}

/** How a request names a drive of a machine: by its disk, its place, its device or its volume group. */
export interface DriveReference {
  readonly diskUuid?: string
  readonly deviceUuid?: string
  readonly groupUuid?: string
  readonly bus?: DiskBus
  readonly index?: number
}

export interface DriveChange {
  readonly drive: DriveReference
  readonly sizeBytes?: number
  readonly flashMode?: boolean
  /** Takes the disc out of a CD-ROM drive. */
  readonly empty?: boolean
  /** Puts this one into a CD-ROM drive. */
  readonly insert?: { readonly plan: DiskPlan; readonly source: DiskSource }
}

export const powerTransitions = [
  'ON',
  'OFF',
  'POWERCYCLE',
  'RESET',
  'PAUSE',
  'SUSPEND',
  'RESUME',
  'SAVE',
  'ACPI_SHUTDOWN',
  'ACPI_REBOOT',
] as const
export type PowerTransition = (typeof powerTransitions)[number]

export interface VmSnapshotPlan {
  readonly uuid: string
  readonly name: string
  readonly vmUuid: string
  /** Copies of the machine's disks, one for each. */
  readonly disks: readonly DiskPlan[]
}

/** Kept in tasks as `Job` is. */
export type ImageJob =
  | { readonly kind: 'import-image'; readonly image: ImageRecord; readonly diskUuid: string; readonly url: string }
  | { readonly kind: 'clone-image'; readonly image: ImageRecord; readonly plan: DiskPlan }
  | {
      readonly kind: 'update-image'
      readonly imageUuid: string
      readonly change: { readonly name?: string; readonly annotation?: string; readonly type?: ImageType }
    }
  | { readonly kind: 'delete-image'; readonly imageUuid: string }

/** About a machine that exists. `expected`: its logical timestamp when the task ends, else it fails. */
interface OnVm {
  readonly vmUuid: string
  readonly expected?: number
}

export type VmJob =
  | { readonly kind: 'create-vms'; readonly machines: readonly VmPlan[] }
  | (OnVm & { readonly kind: 'update-vm'; readonly change: VmChange })
  | (OnVm & { readonly kind: 'delete-vm'; readonly deleteSnapshots: boolean })
  | (OnVm & { readonly kind: 'power-vm'; readonly transition: PowerTransition; readonly hostUuid?: string })
  | (OnVm & {
      readonly kind: 'attach-vm-disks'
      readonly disks: readonly VmDiskPlan[]
      readonly groups: readonly VmGroupPlan[]
    })
  | (OnVm & { readonly kind: 'detach-vm-disks'; readonly drives: readonly DriveReference[] })
  | (OnVm & { readonly kind: 'update-vm-disks'; readonly changes: readonly DriveChange[] })
  | (OnVm & { readonly kind: 'add-vm-nics'; readonly nics: readonly NicPlan[] })
  | (OnVm & {
      readonly kind: 'update-vm-nic'
      readonly nicUuid: string
      readonly connected?: boolean
      readonly requestedAddress?: string
    })
  | (OnVm & { readonly kind: 'remove-vm-nic'; readonly nicUuid: string })

export type VmSnapshotJob =
  | { readonly kind: 'snapshot-vms'; readonly groupUuid: string; readonly snapshots: readonly VmSnapshotPlan[] }
  | { readonly kind: 'delete-vm-snapshot'; readonly snapshotUuid: string }
  | (OnVm & {
      readonly kind: 'restore-vm'
      readonly snapshotUuid: string
      readonly restoreNetwork: boolean
      /** Copies of the snapshot's disks, one for each. */
      readonly disks: readonly DiskPlan[]
    })
