/**
 * A Nutanix cluster as acs needs it, whatever the API version behind it: v2.0 on Prism Element today,
 * v4 on Prism Central later. Callers see only this file. Sizes are bytes, times `Date`, durations ms.
 *
 * Mutations that are tasks on the wire (create, clone, delete, disks) resolve when the task succeeded
 * and reject with EACSTASKFAILED otherwise; `CallOptions.onTask` reports progress and `wait: false`
 * returns as soon as the cluster accepted it. Source of the split: Prism v2 volume_groups specification.
 */
import type { Deadline } from '../base/deadline.js'
import type { PrismMachines } from './virtual-machines.js'

export type * from './virtual-machines.js'

export interface CallOptions {
  deadline?: Deadline
  /** Progress of the task behind the call, at most a few times a second. */
  onTask?: (task: Task) => void
}

export interface MutationOptions extends CallOptions {
  /** `false`: return once the task is accepted (`TaskReference.taskUuid`). Default `true`. */
  wait?: boolean
}

export interface Prism extends PrismMachines {
  readonly apiVersion: 'v2.0'
  cluster(options?: CallOptions): Promise<Cluster>
  hosts(options?: CallOptions): Promise<Host[]>

  storageContainers(options?: CallOptions): Promise<StorageContainer[]>
  /** Throws EACSEXISTS for a name that is taken. */
  createStorageContainer(spec: StorageContainerSpec, options?: CallOptions): Promise<StorageContainer>
  /** What `change` does not name stays as it is. Returns the container as it is afterwards. */
  updateStorageContainer(uuid: string, change: StorageContainerChange, options?: CallOptions): Promise<StorageContainer>
  /** Refused while disks are in it. */
  deleteStorageContainer(uuid: string, options?: CallOptions): Promise<void>

  volumeGroups(options?: CallOptions): Promise<VolumeGroup[]>
  /** Throws EACSNOTFOUND. `tolerateNotFoundMs`: keep asking, for a group just created (404 while busy). */
  volumeGroup(uuid: string, options?: CallOptions & { tolerateNotFoundMs?: number }): Promise<VolumeGroup>
  createVolumeGroup(spec: VolumeGroupSpec, options?: MutationOptions): Promise<TaskReference & { uuid: string }>
  /**
   * The compare-and-swap: replaces what `change` names and leaves the rest, if and only if the group is
   * still at `expected.logicalTimestamp`; else EACSSTALE (conflict). `allowedInitiators` is the whole list.
   * Returns the group as it is afterwards. After a lost answer the group's content tells whether it was us; so callers
   * that compete for one state write something of their own into the description.
   */
  updateVolumeGroup(expected: VolumeGroup, change: VolumeGroupChange, options?: CallOptions): Promise<VolumeGroup>
  deleteVolumeGroup(group: VolumeGroup, options?: MutationOptions): Promise<TaskReference>
  cloneVolumeGroup(
    uuid: string,
    clone: { name: string; uuid?: string },
    options?: MutationOptions,
  ): Promise<TaskReference & { uuid: string }>

  addDisk(groupUuid: string, disk: DiskSpec, options?: MutationOptions): Promise<TaskReference>
  /** Grows a disk in place, keeping its data. */
  resizeDisk(groupUuid: string, index: number, sizeBytes: number, options?: MutationOptions): Promise<TaskReference>
  removeDisk(groupUuid: string, index: number, options?: MutationOptions): Promise<TaskReference>

  /** Adds one initiator (`open`); not exclusive. Use `updateVolumeGroup` for that. */
  allowInitiator(groupUuid: string, initiator: InitiatorAccess, options?: CallOptions): Promise<void>
  revokeInitiator(groupUuid: string, clientAddress: string, options?: CallOptions): Promise<void>
  /** `logicalTimestamp`: only if the group is still at it; else refused as Prism words it. */
  attachToVm(
    groupUuid: string,
    vmUuid: string,
    options?: MutationOptions & { index?: number; logicalTimestamp?: number },
  ): Promise<TaskReference>
  detachFromVm(groupUuid: string, vmUuid: string, options?: MutationOptions): Promise<TaskReference>

  iscsiClients(options?: CallOptions): Promise<IscsiClient[]>

  task(uuid: string, options?: CallOptions): Promise<Task>
  tasks(
    filter?: { includeCompleted?: boolean; entityUuid?: string; limit?: number },
    options?: CallOptions,
  ): Promise<Task[]>
  waitForTask(uuid: string, options?: CallOptions): Promise<Task>
  cancelTask(uuid: string, options?: CallOptions): Promise<void>

  /** Ends keep-alive connections; the client is unusable afterwards. */
  close(): Promise<void>
}

export interface TaskReference {
  /** Absent where the cluster answered at once. */
  taskUuid?: string
}

export interface Cluster {
  uuid: string
  name: string
  version: string
  nodeCount: number
  /** Address of the iSCSI data services portal without port; absent when the administrator set none. */
  dataServicesAddress?: string
  externalAddress?: string
  timezone?: string
}

export interface Host {
  uuid: string
  name: string
  hypervisorAddress?: string
  controllerVmAddress?: string
  hypervisorName?: string
  memoryBytes?: number
  cpuCores?: number
  state?: string
}

export interface StorageContainer {
  uuid: string
  name: string
  maxCapacityBytes: number
  /** What the administrator lets it grow to; absent: all there is. */
  advertisedCapacityBytes?: number
  /** Set aside for it, whether used or not. */
  reservedBytes?: number
  /** Absent where the cluster does not know (stats are strings, "-1" is unknown). */
  usedBytes?: number
  replicationFactor?: number
  compressionEnabled?: boolean
  /** 0: while it is written (inline). */
  compressionDelaySeconds?: number
  deduplication?: Deduplication
  erasureCoding?: boolean
  internal: boolean
}

/** `cache`: fingerprints for the cache only; `capacity`: on disk too, after the write. */
export type Deduplication = 'off' | 'cache' | 'capacity'

export interface StorageContainerChange {
  name?: string
  /** `null`: no limit. */
  advertisedCapacityBytes?: number | null
  reservedBytes?: number
  replicationFactor?: number
  compressionEnabled?: boolean
  compressionDelaySeconds?: number
  deduplication?: Deduplication
  erasureCoding?: boolean
}

export type StorageContainerSpec = StorageContainerChange & { name: string }

export interface VolumeGroup {
  uuid: string
  name: string
  /** The raw text, acs's trailer included; `volume/trailer.ts` splits it. */
  description: string
  /** Version for compare-and-swap. */
  logicalTimestamp: number
  disks: VolumeDisk[]
  /** Without the `iqn.` prefix, as Prism gives it. See `volume/target-name.ts`. */
  iscsiTarget: string
  attachments: Attachment[]
  flashMode: boolean
  chap: boolean
  shared: boolean
  createdBy?: string
}

export interface VolumeDisk {
  index: number
  /** Also the identity the disk shows in SCSI INQUIRY (VPD 0x80). */
  uuid: string
  sizeBytes: number
  storageContainerUuid: string
  path?: string
}

export interface Attachment {
  /** Set for an iSCSI initiator. */
  initiatorName?: string
  initiatorAddress?: string
  clientUuid?: string
  /** Set for a virtual machine. */
  vmUuid?: string
}

export interface InitiatorAccess {
  /** An IQN or an IP address. */
  clientAddress: string
  /** CHAP secret this initiator must present. Never logged. */
  chapSecret?: string
}

export interface VolumeGroupSpec {
  name: string
  /** Chosen by the client, so that a repeated create meets its first try. */
  uuid?: string
  description?: string
  disks: DiskSpec[]
  flashMode?: boolean
  shared?: boolean
  /** CHAP secret of the target. */
  chapSecret?: string
  iscsiTargetPrefix?: string
}

export interface VolumeGroupChange {
  name?: string
  description?: string
  flashMode?: boolean
  allowedInitiators?: InitiatorAccess[]
  /** `null` switches CHAP off. */
  chapSecret?: string | null
}

export type DiskSpec =
  | { sizeBytes: number; storageContainerUuid: string; index?: number }
  | { cloneOf: { groupUuid: string; index: number }; minimumSizeBytes?: number; index?: number }

export interface IscsiClient {
  uuid: string
  clientAddress: string
  chap: boolean
}

export interface Task {
  uuid: string
  operation: string
  /** Lower-cased from Prism's Title-case. */
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'aborted' | 'suspended' | 'unknown'
  percent: number
  /** Prism's own words on failure. */
  errorDetail?: string
  errorCode?: number
  entities: { uuid: string; type: string; name?: string }[]
  createdAt?: Date
  completedAt?: Date
}
