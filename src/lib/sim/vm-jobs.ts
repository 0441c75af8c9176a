import { forgetDisks, makeDisks, type JobParts } from './job-parts.js'
import type { DriveChange, VmChange, VmDiskRecord, VmJob, VmPlan, VmRecord } from './store/machine-records.js'
import type { GroupRecord, StoredDisk } from './store/records.js'
import type { Prepared } from './tasks.js'
import { driveLabel, findDrive, groupDrives, isHotPluggable, placeDrives, Slots } from './vm-disks.js'
import { NicMaker } from './vm-nics.js'
import { changePower, invalidState } from './vm-power.js'
import { errorCodes, WireError } from './wire-error.js'

type JobOf<Kind extends VmJob['kind']> = Extract<VmJob, { kind: Kind }>

export async function prepareVmJob(parts: JobParts, job: VmJob): Promise<Prepared> {
  switch (job.kind) {
    case 'create-vms':
      return prepareCreate(parts, job.machines)
    case 'update-vm':
      return changeOf(parts, job, (vm) => updated(vm, job.change))
    case 'power-vm':
      return preparePower(parts, job)
    case 'delete-vm':
      return prepareDelete(parts, job)
    case 'attach-vm-disks':
      return prepareAttach(parts, job)
    case 'detach-vm-disks':
      return prepareDetach(parts, job)
    case 'update-vm-disks':
      return prepareDiskChanges(parts, job)
    case 'add-vm-nics':
      return changeOf(parts, job, (vm) => {
        const maker = new NicMaker(parts.store)
        return { ...vm, nics: [...vm.nics, ...job.nics.map((nic) => maker.make(nic))] }
      })
    case 'update-vm-nic':
      return changeOf(parts, job, (vm) => withChangedNic(parts, vm, job))
    case 'remove-vm-nic':
      return changeOf(parts, job, (vm) => {
        requireNic(vm, job.nicUuid)
        return { ...vm, nics: vm.nics.filter(({ uuid }) => uuid !== job.nicUuid) }
      })
  }
}

/** The machine of a job, at the moment its task ends. */
export function requireVm(parts: JobParts, { vmUuid, expected }: { vmUuid: string; expected?: number }): VmRecord {
  const vm = parts.store.vms.get(vmUuid)
  if (!vm) throw new WireError(500, `VM ${vmUuid} does not exist`, errorCodes.notFound)
  if (expected !== undefined && expected !== 0 && expected !== vm.logicalTimestamp)
    throw new WireError(
      500,
      `Logical timestamp mismatch for VM ${vm.uuid}: current ${vm.logicalTimestamp}, given ${expected}`,
      errorCodes.stale,
    )
  return vm
}

/** The machine first, then its record: what the hypervisor refuses has not happened. */
async function preparePower(parts: JobParts, job: JobOf<'power-vm'>): Promise<Prepared> {
  const before = requireVm(parts, job)
  const change = (vm: VmRecord): VmRecord => changePower(parts.store, vm, job.transition, job.hostUuid)
  change(before)
  const outcome = await parts.machines().power(before, job.transition)
  return changeOf(parts, job, (vm) => (outcome === 'done' ? change(vm) : vm))
}

/** One more change of the machine. */
export function advanceVm(vm: VmRecord): VmRecord {
  return { ...vm, logicalTimestamp: vm.logicalTimestamp + 1 }
}

function changeOf(
  parts: JobParts,
  job: { vmUuid: string; expected?: number },
  change: (vm: VmRecord) => VmRecord,
): Prepared {
  return {
    commit: () => ({ put: { vms: [advanceVm(change(requireVm(parts, job)))] } }),
    after: () => parts.machines().follow(job.vmUuid),
  }
}

async function prepareCreate(parts: JobParts, machines: readonly VmPlan[]): Promise<Prepared> {
  const plans = machines.flatMap(({ disks }) => disks.flatMap(({ plan }) => plan ?? []))
  await makeDisks(parts, plans, 'vm')
  return {
    commit() {
      const maker = new NicMaker(parts.store)
      const groups = new Map<string, GroupRecord>()
      const vms = machines.map((machine): VmRecord => {
        const { vm } = machine
        if (parts.store.vms.has(vm.uuid))
          throw new WireError(500, `VM with uuid ${vm.uuid} already exists`, errorCodes.exists)
        const placed = placeDrives(new Slots([], []), machine.disks, machine.groups)
        attachGroups(parts, vm.uuid, placed.groups, groups)
        const nics = machine.nics.map((nic) => maker.make(nic))
        return { ...vm, logicalTimestamp: 1, disks: placed.disks, nics, createdAtMs: Date.now() }
      })
      return { put: { vms, groups: [...groups.values()] } }
    },
    undo: () => parts.disks.remove(plans.map(({ uuid }) => uuid)),
  }
}

function updated(vm: VmRecord, change: VmChange): VmRecord {
  // Specified: KVM does not support CPU or memory hot-plug.
  const isHardware = (['memoryMb', 'vcpus', 'coresPerVcpu'] as const).some(
    (field) => change[field] !== undefined && change[field] !== vm[field],
  )
  if (isHardware && vm.powerState !== 'off') throw invalidState(vm.powerState)
  return { ...vm, ...change }
}

function prepareDelete(parts: JobParts, job: JobOf<'delete-vm'>): Prepared {
  let disks: StoredDisk[] = []
  let gone: VmRecord | undefined
  return {
    commit() {
      const vm = requireVm(parts, job)
      gone = vm
      const [attached] = groupDrives(parts.store, vm.uuid)
      // Recorded (terraform-provider-nutanix #568).
      if (attached)
        throw new WireError(
          500,
          `INVALID_ARGUMENT: Invalid Argument: 6 :Volume group at ${driveLabel('SCSI', attached.index)} must be detached before deleting VM.`,
          errorCodes.attached,
        )
      const snapshots = job.deleteSnapshots
        ? [...parts.store.vmSnapshots.values()].filter((snapshot) => snapshot.vmUuid === vm.uuid)
        : []
      disks = [vm, ...snapshots.map((snapshot) => snapshot.vm)].flatMap(disksOf)
      return { remove: { vms: [vm.uuid], vmSnapshots: snapshots.map(({ uuid }) => uuid) } }
    },
    after: async () => {
      if (gone) await parts.machines().forget(gone)
      await forgetDisks(parts, disks)
    },
  }
}

async function prepareAttach(parts: JobParts, job: JobOf<'attach-vm-disks'>): Promise<Prepared> {
  const plans = job.disks.flatMap(({ plan }) => plan ?? [])
  await makeDisks(parts, plans, 'vm')
  return {
    commit() {
      const vm = requireVm(parts, job)
      if (vm.powerState !== 'off' && job.disks.some(({ bus }) => !isHotPluggable(bus)))
        throw invalidState(vm.powerState)
      const placed = placeDrives(Slots.of(parts.store, vm), job.disks, job.groups)
      const groups = new Map<string, GroupRecord>()
      attachGroups(parts, vm.uuid, placed.groups, groups)
      const vms = [advanceVm({ ...vm, disks: [...vm.disks, ...placed.disks] })]
      return { put: { vms, groups: [...groups.values()] } }
    },
    after: () => parts.machines().follow(job.vmUuid),
    undo: () => parts.disks.remove(plans.map(({ uuid }) => uuid)),
  }
}

/** A disk that is taken out is gone (assumed); a volume group only leaves. */
async function prepareDetach(parts: JobParts, job: JobOf<'detach-vm-disks'>): Promise<Prepared> {
  let removed: VmDiskRecord[] = []
  await parts.machines().unplug(requireVm(parts, job), job.drives)
  return {
    commit() {
      const vm = requireVm(parts, job)
      const drives = job.drives.map((drive) => findDrive(parts.store, vm, drive))
      removed = drives.flatMap((drive) => ('bus' in drive ? [drive] : []))
      if (vm.powerState !== 'off' && removed.some(({ bus }) => !isHotPluggable(bus))) throw invalidState(vm.powerState)
      const groups = drives.flatMap((drive) => ('group' in drive ? [withoutVm(drive.group, vm.uuid)] : []))
      const vms = [advanceVm({ ...vm, disks: vm.disks.filter((disk) => !removed.includes(disk)) })]
      return { put: { vms, groups } }
    },
    undo: () => parts.machines().follow(job.vmUuid),
    after: () => forgetDisks(parts, disksOf({ disks: removed })),
  }
}

async function prepareDiskChanges(parts: JobParts, job: JobOf<'update-vm-disks'>): Promise<Prepared> {
  const inserted = job.changes.flatMap(({ insert }) => insert?.plan ?? [])
  await growDisks(parts, job)
  await makeDisks(parts, inserted, 'vm')
  let replaced: StoredDisk[] = []
  return {
    commit() {
      const vm = requireVm(parts, job)
      let { disks } = vm
      replaced = []
      for (const change of job.changes) {
        const drive = requireOwnDrive(parts, vm, change)
        const next = changedDrive(drive, change)
        if (drive.disk && drive.disk.uuid !== next.disk?.uuid) replaced.push(drive.disk)
        disks = disks.map((other) => (other.deviceUuid === drive.deviceUuid ? next : other))
      }
      return { put: { vms: [advanceVm({ ...vm, disks })] } }
    },
    undo: () => parts.disks.remove(inserted.map(({ uuid }) => uuid)),
    after: async () => {
      await parts.machines().follow(job.vmUuid)
      await forgetDisks(parts, replaced)
    },
  }
}

/** The files first: one that is longer than its record is cut when it is opened. */
async function growDisks(parts: JobParts, job: JobOf<'update-vm-disks'>): Promise<void> {
  const vm = requireVm(parts, job)
  for (const change of job.changes) {
    const { disk } = requireOwnDrive(parts, vm, change)
    if (change.sizeBytes === undefined || !disk) continue
    if (change.sizeBytes < disk.sizeBytes)
      throw new WireError(500, 'Shrinking a disk is not supported', errorCodes.badRequest)
    if (change.sizeBytes - disk.sizeBytes > parts.containers.room(disk.containerUuid))
      throw parts.rules.noSpace(disk.containerUuid)
    if (!(await parts.machines().grow(vm, disk.uuid, change.sizeBytes))) await parts.disks.grow(disk, change.sizeBytes)
  }
}

function requireOwnDrive(parts: JobParts, vm: VmRecord, { drive }: DriveChange): VmDiskRecord {
  const found = findDrive(parts.store, vm, drive)
  if ('bus' in found) return found
  throw new WireError(500, 'A volume group is changed by itself, not through a VM', errorCodes.badRequest)
}

function changedDrive(drive: VmDiskRecord, { sizeBytes, flashMode, empty, insert }: DriveChange): VmDiskRecord {
  const next: VmDiskRecord = {
    ...drive,
    ...(flashMode !== undefined && { flashMode }),
    // Another growth may have come first, and further.
    ...(drive.disk &&
      sizeBytes !== undefined && { disk: { ...drive.disk, sizeBytes: Math.max(drive.disk.sizeBytes, sizeBytes) } }),
  }
  if (!insert && empty !== true) return next
  if (!drive.cdrom) throw new WireError(500, 'Only the disc of a CD-ROM drive can be changed', errorCodes.badRequest)
  if (!insert) return { ...next, disk: undefined, source: undefined }
  const { uuid, sizeBytes: size, containerUuid } = insert.plan
  return { ...next, disk: { uuid, sizeBytes: size, containerUuid }, source: insert.source }
}

function withChangedNic(parts: JobParts, vm: VmRecord, job: JobOf<'update-vm-nic'>): VmRecord {
  const nic = requireNic(vm, job.nicUuid)
  const connected = job.connected ?? nic.connected
  const moves = job.requestedAddress !== undefined && job.requestedAddress !== nic.address
  const next = moves ? new NicMaker(parts.store).readdress(nic, job.requestedAddress ?? '') : nic
  return { ...vm, nics: vm.nics.map((other) => (other.uuid === nic.uuid ? { ...next, connected } : other)) }
}

function requireNic(vm: VmRecord, nicUuid: string): VmRecord['nics'][number] {
  const nic = vm.nics.find(({ uuid }) => uuid === nicUuid)
  if (nic) return nic
  throw new WireError(500, `VM ${vm.name} has no NIC ${nicUuid}`, errorCodes.notFound)
}

/** Adds the changed groups to `changed`, where an earlier machine of the same change may have put one. */
function attachGroups(
  parts: JobParts,
  vmUuid: string,
  wanted: readonly { groupUuid: string; index: number }[],
  changed: Map<string, GroupRecord>,
): void {
  for (const { groupUuid, index } of wanted) {
    const group = changed.get(groupUuid) ?? parts.store.groups.get(groupUuid)
    if (!group) throw new WireError(500, `Volume group ${groupUuid} does not exist`, errorCodes.notFound)
    changed.set(groupUuid, withVm(group, vmUuid, index))
  }
}

/** The group attached to the machine at this place of its SCSI bus. */
export function withVm(group: GroupRecord, vmUuid: string, index: number): GroupRecord {
  if (group.attachments.some((attachment) => 'vmUuid' in attachment && attachment.vmUuid === vmUuid))
    throw new WireError(500, `Volume group ${group.name} is already attached to VM ${vmUuid}`, errorCodes.exists)
  const logicalTimestamp = group.logicalTimestamp + 1
  return { ...group, logicalTimestamp, attachments: [...group.attachments, { vmUuid, index }] }
}

export function withoutVm(group: GroupRecord, vmUuid: string): GroupRecord {
  const attachments = group.attachments.filter((other) => !('vmUuid' in other && other.vmUuid === vmUuid))
  if (attachments.length === group.attachments.length)
    throw new WireError(500, `Volume group ${group.name} is not attached to VM ${vmUuid}`, errorCodes.notFound)
  return { ...group, logicalTimestamp: group.logicalTimestamp + 1, attachments }
}

export function disksOf({ disks }: Pick<VmRecord, 'disks'>): StoredDisk[] {
  return disks.flatMap(({ disk }) => disk ?? [])
}
