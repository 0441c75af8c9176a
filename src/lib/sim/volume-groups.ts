import { randomUUID } from 'node:crypto'
import type { StorageContainers } from './containers.js'
import { normalAddress, type IscsiClients } from './iscsi-clients.js'
import type { IscsiFace } from './iscsi-face.js'
import { DiskPlans, type DiskRequest } from './disk-plans.js'
import type { GroupRules } from './group-rules.js'
import type { SimulatorBehaviour } from './simulator.js'
import type {
  AttachmentRecord,
  Authentication,
  ClientRecord,
  ClientRequest,
  DiskPlan,
  DiskRecord,
  GroupRecord,
  TaskRecord,
  UsageType,
} from './store/records.js'
import type { DiskFiles } from './store/disk-files.js'
import type { Store } from './store/store.js'
import type { Tasks } from './tasks.js'
import { errorCodes, WireError } from './wire-error.js'

/** What a create, an update or a clone may say of a group; absent: not said. */
export interface GroupSettings {
  name?: string
  description?: string
  authentication?: Authentication
  flashMode?: boolean
  shared?: boolean
  hidden?: boolean
  loadBalance?: boolean
  createdBy?: string
  usageType?: UsageType
  iscsiTarget?: string
  iscsiTargetPrefix?: string
}

export interface GroupRequest extends GroupSettings {
  uuid?: string
  disks: readonly DiskRequest[]
  clients: readonly ClientRequest[]
}

export class VolumeGroups {
  private readonly revoking = new Map<string, number>()
  private readonly plans: DiskPlans

  constructor(
    private readonly store: Store,
    private readonly containers: StorageContainers,
    private readonly clients: IscsiClients,
    private readonly disks: DiskFiles,
    private readonly behaviour: SimulatorBehaviour,
    private readonly tasks: () => Tasks,
    private readonly iscsi: () => IscsiFace,
    private readonly rules: GroupRules,
  ) {
    this.plans = new DiskPlans(store, containers, rules, behaviour)
  }

  /** Sessions of initiators that lost the group are still ending. */
  isRevoking(uuid: string): boolean {
    return this.revoking.has(uuid)
  }

  list(): GroupRecord[] {
    return [...this.store.groups.values()]
  }

  /** Throws the answer for an unknown group; a group just made is unknown for a while. */
  require(uuid: string): GroupRecord {
    const group = this.store.groups.get(uuid.toLowerCase())
    if (!group || Date.now() < group.createdAtMs + this.behaviour.notFoundAfterCreateMs)
      throw new WireError(this.behaviour.unknownStatus, `Volume group ${uuid} does not exist`, errorCodes.notFound)
    return group
  }

  create(request: GroupRequest): TaskRecord {
    const { name } = request
    if (name === undefined) throw this.rules.refuse('Volume group name is missing', errorCodes.badRequest)
    const group = this.blankGroup({ ...request, name }, request.uuid)
    for (const client of request.clients) this.rules.checkAddress(client.address)
    const disks = request.disks.map((disk) => this.plans.plan(disk))
    this.rules.checkIndexes(disks, [])
    return this.tasks().start('VolumeGroupCreate', [groupEntity(group.uuid)], {
      kind: 'create',
      group,
      disks,
      clients: distinct(request.clients),
    })
  }

  clone(source: GroupRecord, request: GroupSettings & { uuid?: string; logicalTimestamp?: number }): TaskRecord {
    this.rules.checkTimestamp(source, request.logicalTimestamp)
    const name = request.name ?? `${source.name}-clone`
    const group: GroupRecord = {
      ...this.blankGroup({ ...request, name }, request.uuid),
      ...(source.description !== undefined && { description: source.description }),
      ...(source.flashMode !== undefined && { flashMode: source.flashMode }),
      shared: source.shared,
      usageType: source.usageType,
    }
    const disks = source.disks.map((disk): DiskPlan => ({ ...disk, uuid: randomUUID(), sourceUuid: disk.uuid }))
    return this.tasks().start('VolumeGroupClone', [groupEntity(group.uuid), groupEntity(source.uuid)], {
      kind: 'clone',
      group,
      sourceUuid: source.uuid,
      disks,
    })
  }

  delete(group: GroupRecord, logicalTimestamp?: number): TaskRecord {
    this.rules.checkTimestamp(group, logicalTimestamp)
    if (group.attachments.length > 0 && this.behaviour.deleteAttached === 'refused')
      throw this.rules.refuse(this.behaviour.deleteAttachedText, errorCodes.attached)
    return this.tasks().start('VolumeGroupDelete', [groupEntity(group.uuid)], { kind: 'delete', groupUuid: group.uuid })
  }

  addDisk(group: GroupRecord, request: DiskRequest): TaskRecord {
    const disk = this.plans.plan(request)
    this.rules.checkIndexes([disk], group.disks)
    return this.tasks().start('VolumeDiskCreate', [groupEntity(group.uuid)], {
      kind: 'add-disk',
      groupUuid: group.uuid,
      disk,
    })
  }

  removeDisk(group: GroupRecord, index: number, logicalTimestamp?: number): TaskRecord {
    this.rules.checkTimestamp(group, logicalTimestamp)
    this.rules.requireDisk(group, index)
    return this.tasks().start('VolumeDiskDelete', [groupEntity(group.uuid)], {
      kind: 'remove-disk',
      groupUuid: group.uuid,
      index,
    })
  }

  /** Grows a disk in place, and sets its flash mode. */
  async updateDisk(
    group: GroupRecord,
    change: { index: number; flashMode?: boolean; sizeBytes?: number; container?: string; preserveData?: boolean },
  ): Promise<DiskRecord> {
    const disk = this.rules.requireDisk(group, change.index)
    if (
      change.container !== undefined &&
      this.containers.require(change.container, this.behaviour.refusedStatus).uuid !== disk.containerUuid
    )
      throw this.rules.refuse(
        'Changing the storage container of a disk is not supported by the simulator',
        errorCodes.general,
      )
    const sizeBytes = change.sizeBytes ?? disk.sizeBytes
    if (sizeBytes < disk.sizeBytes) throw this.rules.refuse('Shrinking a disk is not supported', errorCodes.badRequest)
    if (sizeBytes - disk.sizeBytes > this.containers.room(disk.containerUuid))
      throw this.rules.noSpace(disk.containerUuid)
    // The file first: a crash between leaves a file that is longer than its record, which is cut when opened.
    if (sizeBytes > disk.sizeBytes) await this.disks.disk(disk).grow(sizeBytes)
    const current = this.require(group.uuid)
    const now = this.rules.requireDisk(current, change.index)
    const changed: DiskRecord = {
      ...now,
      // Another growth may have come first, and further.
      sizeBytes: Math.max(now.sizeBytes, sizeBytes),
      ...(change.flashMode !== undefined && { flashMode: change.flashMode }),
    }
    const disks = current.disks.map((candidate) => (candidate.uuid === changed.uuid ? changed : candidate))
    this.store.commit({ put: { groups: [advance({ ...current, disks })] } })
    if (sizeBytes > disk.sizeBytes) this.iscsi().diskResized(disk.uuid)
    return changed
  }

  /** The compare-and-swap: all of it or nothing. `clients` is the whole list of who may log in. */
  async update(
    group: GroupRecord,
    change: GroupSettings & { clients?: readonly ClientRequest[]; logicalTimestamp?: number },
  ): Promise<GroupRecord> {
    this.rules.checkTimestamp(group, change.logicalTimestamp)
    if (change.name !== undefined && change.name !== group.name) this.rules.checkName(change.name)
    this.rules.checkDescription(change.description)
    if (change.iscsiTarget !== undefined && change.iscsiTarget !== group.iscsiTarget)
      this.rules.checkTarget(change.iscsiTarget)
    let attachments = group.attachments
    let newClients: ClientRecord[] = []
    if (change.clients) {
      for (const client of change.clients) this.rules.checkAddress(client.address)
      const resolved = distinct(change.clients).map((client) => this.clients.resolve(client))
      newClients = resolved.flatMap(({ client, changed }) => (changed ? [client] : []))
      attachments = [
        ...resolved.map(({ client }): AttachmentRecord => ({ clientUuid: client.uuid })),
        ...group.attachments.filter((attachment) => 'vmUuid' in attachment),
      ]
    }
    const next = advance({ ...group, ...givenSettings(change), attachments })
    this.store.commit({ put: { clients: newClients, groups: [next] } })
    await this.revoke(next)
    return next
  }

  /** Lets one more initiator in; synchronous on the wire too. */
  open(group: GroupRecord, request: ClientRequest, logicalTimestamp?: number): void {
    this.rules.checkTimestamp(group, logicalTimestamp)
    this.rules.checkAddress(request.address)
    const { client, changed } = this.clients.resolve(request)
    const attached = group.attachments.some((attachment) => isOf(attachment, client))
    if (attached && !changed) return
    const attachments = attached ? group.attachments : [...group.attachments, { clientUuid: client.uuid }]
    this.store.commit({ put: { clients: changed ? [client] : [], groups: [advance({ ...group, attachments })] } })
  }

  /** Shuts one initiator out and ends its sessions; one that was not let in is fine. */
  async close(
    group: GroupRecord,
    request: { address?: string; clientUuid?: string },
    logicalTimestamp?: number,
  ): Promise<void> {
    this.rules.checkTimestamp(group, logicalTimestamp)
    const client =
      request.address === undefined
        ? this.store.clients.get(request.clientUuid?.toLowerCase() ?? '')
        : this.clients.byAddress(request.address)
    if (!client || !group.attachments.some((attachment) => isOf(attachment, client))) return
    const attachments = group.attachments.filter((attachment) => !isOf(attachment, client))
    const next = advance({ ...group, attachments })
    this.store.commit({ put: { groups: [next] } })
    await this.revoke(next)
  }

  /** An unknown VM fails the task (assumed), and so does one with another logical timestamp than `expected`. */
  attachVm(
    group: GroupRecord,
    vmUuid: string,
    index: number | undefined,
    logicalTimestamp?: number,
    expected?: number,
  ): TaskRecord {
    this.rules.checkTimestamp(group, logicalTimestamp)
    return this.tasks().start('VolumeGroupAttachVm', [groupEntity(group.uuid), { uuid: vmUuid, type: 'VM' }], {
      kind: 'attach-vm',
      groupUuid: group.uuid,
      vmUuid,
      index,
      expected,
    })
  }

  detachVm(group: GroupRecord, vmUuid: string, logicalTimestamp?: number, expected?: number): TaskRecord {
    this.rules.checkTimestamp(group, logicalTimestamp)
    return this.tasks().start('VolumeGroupDetachVm', [groupEntity(group.uuid), { uuid: vmUuid, type: 'VM' }], {
      kind: 'detach-vm',
      groupUuid: group.uuid,
      vmUuid,
      expected,
    })
  }

  updateClient(client: ClientRecord, authentication: Authentication | undefined): ClientRecord {
    const changed: ClientRecord = { ...client, authentication: authentication ?? client.authentication }
    this.store.commit({ put: { clients: [changed] } })
    return changed
  }

  private blankGroup(settings: GroupSettings & { name: string }, wantedUuid?: string): GroupRecord {
    this.rules.checkNameText(settings.name)
    this.rules.checkDescription(settings.description)
    const uuid = wantedUuid?.toLowerCase() ?? randomUUID()
    const prefix = (settings.iscsiTargetPrefix || settings.name).replace(/[^0-9a-zA-Z:.-]/g, '-')
    const group: GroupRecord = {
      uuid,
      name: settings.name,
      logicalTimestamp: 0,
      disks: [],
      iscsiTarget: settings.iscsiTarget || `${prefix}-${uuid}`,
      attachments: [],
      usageType: 'UNKNOWN',
      shared: false,
      createdAtMs: 0,
      ...givenSettings({ ...settings, iscsiTarget: undefined }),
    }
    this.rules.checkTargetText(group.iscsiTarget)
    const coming = this.tasks()
      .jobsUnderWay()
      .flatMap((job) => (job.kind === 'create' || job.kind === 'clone' ? [job.group] : []))
    this.rules.checkFree(group)
    this.rules.checkFree(group, coming)
    return group
  }

  private async revoke(group: GroupRecord): Promise<void> {
    this.revoking.set(group.uuid, (this.revoking.get(group.uuid) ?? 0) + 1)
    try {
      await this.iscsi().revoked(group)
      // Nobody can use them now: their files need not stay open.
      if (group.attachments.length === 0) for (const disk of group.disks) await this.disks.disk(disk).rest()
    } finally {
      const left = (this.revoking.get(group.uuid) ?? 1) - 1
      if (left === 0) this.revoking.delete(group.uuid)
      else this.revoking.set(group.uuid, left)
    }
  }
}

/** What was said of a group that the record keeps; the target's prefix only counts at its creation. */
function givenSettings(change: GroupSettings): Partial<GroupRecord> {
  const { name, description, authentication, flashMode, shared, hidden, loadBalance, createdBy, usageType } = change
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(authentication && { authentication }),
    ...(flashMode !== undefined && { flashMode }),
    ...(shared !== undefined && { shared }),
    ...(hidden !== undefined && { hidden }),
    ...(loadBalance !== undefined && { loadBalance }),
    ...(createdBy !== undefined && { createdBy }),
    ...(usageType && { usageType }),
    ...(change.iscsiTarget !== undefined && { iscsiTarget: change.iscsiTarget }),
  }
}

/** One more change of the group. */
export function advance(group: GroupRecord): GroupRecord {
  return { ...group, logicalTimestamp: group.logicalTimestamp + 1 }
}

function groupEntity(uuid: string): { uuid: string; type: 'VOLUME_GROUP' } {
  return { uuid, type: 'VOLUME_GROUP' }
}

function isOf(attachment: AttachmentRecord, client: ClientRecord): boolean {
  return 'clientUuid' in attachment && attachment.clientUuid === client.uuid
}

function distinct(clients: readonly ClientRequest[]): ClientRequest[] {
  return [...new Map(clients.map((client) => [normalAddress(client.address), client])).values()]
}
