import type {
  ImageJob,
  ImageRecord,
  NetworkRecord,
  VmJob,
  VmRecord,
  VmSnapshotJob,
  VmSnapshotRecord,
} from './machine-records.js'

/**
 * What the cluster remembers. Records are replaced whole, never changed in place, so that a reader
 * holds a consistent one and the journal can write it as it is. Sizes are bytes.
 */
export interface ClusterRecord {
  readonly uuid: string
  readonly incarnationId: number
  readonly name: string
}

export interface HostRecord {
  readonly uuid: string
  readonly number: number
  readonly name: string
  readonly hypervisorAddress: string
  readonly controllerVmAddress: string
}

export interface ContainerRecord {
  readonly uuid: string
  readonly number: number
  readonly name: string
  readonly maxCapacityBytes: number
  /** What the administrator lets it grow to; `null`: no such limit. */
  readonly advertisedCapacityBytes: number | null
  readonly replicationFactor: number
  readonly compressionEnabled: boolean
  readonly compressionDelaySecs: number
  /** Absent fields are as a new container has them. */
  readonly reservedBytes?: number
  readonly erasureCode?: 'on' | 'off'
  readonly fingerPrintOnWrite?: 'on' | 'off'
  readonly onDiskDedup?: 'OFF' | 'POST_PROCESS'
  readonly nutanixManaged: boolean
}

/** A disk, whoever owns it. */
export interface StoredDisk {
  readonly uuid: string
  readonly sizeBytes: number
  readonly containerUuid: string
}

/** A disk of a volume group. */
export interface DiskRecord extends StoredDisk {
  readonly index: number
  readonly flashMode?: boolean
}

export type AttachmentRecord = { readonly clientUuid: string } | { readonly vmUuid: string; readonly index: number }

export interface Authentication {
  readonly type: 'chap' | 'none'
  readonly secret?: string
}

export type UsageType = 'UNKNOWN' | 'USER' | 'INTERNAL' | 'TEMPORARY' | 'BACKUP_TARGET'

/** Absent fields were never set: the wire omits them too. */
export interface GroupRecord {
  readonly uuid: string
  readonly name: string
  readonly description?: string
  readonly logicalTimestamp: number
  readonly disks: readonly DiskRecord[]
  /** Without the `iqn.` prefix. */
  readonly iscsiTarget: string
  readonly attachments: readonly AttachmentRecord[]
  readonly flashMode?: boolean
  readonly authentication?: Authentication
  readonly usageType: UsageType
  readonly shared: boolean
  readonly hidden?: boolean
  readonly loadBalance?: boolean
  readonly createdBy?: string
  readonly createdAtMs: number
}

/** An initiator the cluster has met; keyed by address, shared by all groups (recorded). */
export interface ClientRecord {
  readonly uuid: string
  /** IQN or IP address. */
  readonly address: string
  readonly authentication?: Authentication
}

/** An initiator as a request names it. */
export interface ClientRequest {
  readonly address: string
  readonly authentication?: Authentication
}

export type TaskStatus = 'Queued' | 'Running' | 'Succeeded' | 'Failed' | 'Aborted'

export interface TaskEntity {
  readonly uuid: string
  readonly type: 'VOLUME_GROUP' | 'VM' | 'VIRTUAL_DISK' | 'IMAGE' | 'SNAPSHOT'
}

export interface TaskRecord {
  readonly uuid: string
  /** `VolumeGroupCreate`... */
  readonly operation: string
  readonly status: TaskStatus
  readonly percent: number
  readonly createdUsecs: number
  readonly startedUsecs?: number
  readonly completedUsecs?: number
  readonly entities: readonly TaskEntity[]
  readonly errorCode?: number
  readonly errorDetail?: string
  /** What to do, kept until it is done: a task cut short by a crash starts again from here. */
  readonly job?: Job
}

/** A disk to make: empty, or a copy. */
export interface DiskPlan {
  readonly uuid: string
  readonly index?: number
  readonly sizeBytes: number
  readonly containerUuid: string
  readonly flashMode?: boolean
  /** Disk whose content it starts with. */
  readonly sourceUuid?: string
}

export type Job = GroupJob | ImageJob | VmJob | VmSnapshotJob

export type GroupJob =
  | {
      readonly kind: 'create'
      readonly group: GroupRecord
      readonly disks: readonly DiskPlan[]
      readonly clients: readonly ClientRequest[]
    }
  | {
      readonly kind: 'clone'
      readonly group: GroupRecord
      readonly sourceUuid: string
      readonly disks: readonly DiskPlan[]
    }
  | { readonly kind: 'delete'; readonly groupUuid: string }
  | { readonly kind: 'add-disk'; readonly groupUuid: string; readonly disk: DiskPlan }
  | { readonly kind: 'remove-disk'; readonly groupUuid: string; readonly index: number }
  | {
      readonly kind: 'attach-vm'
      readonly groupUuid: string
      readonly vmUuid: string
      readonly index?: number
      /** The machine's logical timestamp when the task ends, else it fails. */
      readonly expected?: number
    }
  | { readonly kind: 'detach-vm'; readonly groupUuid: string; readonly vmUuid: string; readonly expected?: number }

export interface Tables {
  clusters: ClusterRecord
  hosts: HostRecord
  containers: ContainerRecord
  groups: GroupRecord
  clients: ClientRecord
  networks: NetworkRecord
  images: ImageRecord
  vms: VmRecord
  vmSnapshots: VmSnapshotRecord
  tasks: TaskRecord
}

export type TableName = keyof Tables

export const tableNames = [
  'clusters',
  'hosts',
  'containers',
  'groups',
  'clients',
  'networks',
  'images',
  'vms',
  'vmSnapshots',
  'tasks',
] as const satisfies readonly TableName[]

/** Records that change together or not at all. */
export interface Change {
  readonly put?: Readonly<Partial<{ [K in TableName]: readonly Tables[K][] }>>
  readonly remove?: Readonly<Partial<Record<TableName, readonly string[]>>>
}
