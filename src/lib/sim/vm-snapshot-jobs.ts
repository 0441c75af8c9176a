import { forgetDisks, makeDisks, type JobParts } from './job-parts.js'
import type { VmRecord, VmSnapshotJob, VmSnapshotRecord } from './store/machine-records.js'
import type { DiskPlan, StoredDisk } from './store/records.js'
import { nowUsecs, type Prepared } from './tasks.js'
import { groupDrives, Slots } from './vm-disks.js'
import { advanceVm, disksOf, requireVm } from './vm-jobs.js'
import { NicMaker } from './vm-nics.js'
import { errorCodes, WireError } from './wire-error.js'

type JobOf<Kind extends VmSnapshotJob['kind']> = Extract<VmSnapshotJob, { kind: Kind }>

export async function prepareVmSnapshotJob(parts: JobParts, job: VmSnapshotJob): Promise<Prepared> {
  switch (job.kind) {
    case 'snapshot-vms':
      return prepareSnapshots(parts, job)
    case 'restore-vm':
      return prepareRestore(parts, job)
    case 'delete-vm-snapshot':
      return prepareDelete(parts, job.snapshotUuid)
  }
}

/** All machines of one request stand still together (specified: one consistency group). */
async function prepareSnapshots(parts: JobParts, job: JobOf<'snapshot-vms'>): Promise<Prepared> {
  const plans = job.snapshots.flatMap(({ disks }) => disks)
  await makeDisks(parts, plans, 'vm')
  const createdUsecs = nowUsecs()
  return {
    commit() {
      const vmSnapshots = job.snapshots.map(({ uuid, name, vmUuid, disks }): VmSnapshotRecord => {
        if (parts.store.vmSnapshots.has(uuid))
          throw new WireError(500, `Snapshot with uuid ${uuid} already exists`, errorCodes.exists)
        const vm = requireVm(parts, { vmUuid })
        const copied = withCopies(vm, disks)
        return { uuid, name, vmUuid, groupUuid: job.groupUuid, logicalTimestamp: 1, createdUsecs, vm: copied }
      })
      return { put: { vmSnapshots } }
    },
    undo: () => parts.disks.remove(plans.map(({ uuid }) => uuid)),
  }
}

/** Specified: the machine is off afterwards. Its volume groups stay where they are (assumed). */
async function prepareRestore(parts: JobParts, job: JobOf<'restore-vm'>): Promise<Prepared> {
  requireSnapshot(parts, job.snapshotUuid)
  await makeDisks(parts, job.disks, 'vm')
  const before = requireVm(parts, job)
  await parts.machines().power(before, 'OFF')
  let replaced: StoredDisk[] = []
  return {
    commit() {
      const now = requireVm(parts, job)
      const snapshot = requireSnapshot(parts, job.snapshotUuid)
      const then = withCopies(snapshot.vm, job.disks)
      // A group may have taken the place of a disk since.
      const slots = new Slots([], groupDrives(parts.store, now.uuid))
      for (const { bus, index } of then.disks) slots.take(bus, index)
      const maker = new NicMaker(parts.store, now.uuid)
      const nics = job.restoreNetwork ? then.nics.map((nic) => maker.again(nic)) : now.nics
      replaced = disksOf(now)
      const { uuid, createdAtMs, logicalTimestamp } = now
      const vm: VmRecord = {
        ...then,
        uuid,
        createdAtMs,
        logicalTimestamp,
        nics,
        powerState: 'off',
        hostUuid: undefined,
      }
      return { put: { vms: [advanceVm(vm)] } }
    },
    async undo() {
      await parts.disks.remove(job.disks.map(({ uuid }) => uuid))
      if (before.powerState === 'on') await parts.machines().power(before, 'ON')
    },
    after: () => forgetDisks(parts, replaced),
  }
}

function prepareDelete(parts: JobParts, snapshotUuid: string): Prepared {
  let disks: StoredDisk[] = []
  return {
    commit() {
      disks = disksOf(requireSnapshot(parts, snapshotUuid).vm)
      return { remove: { vmSnapshots: [snapshotUuid] } }
    },
    after: () => forgetDisks(parts, disks),
  }
}

/** The machine with copies for disks. A disk that came or went meanwhile has none: the snapshot would be a lie. */
function withCopies(vm: VmRecord, copies: readonly DiskPlan[]): VmRecord {
  const bySource = new Map(copies.map((copy) => [copy.sourceUuid, copy]))
  const disks = vm.disks.map((drive) => {
    if (!drive.disk) return drive
    const copy = bySource.get(drive.disk.uuid)
    if (!copy) throw new WireError(500, `The disks of VM ${vm.name} changed meanwhile`, errorCodes.stale)
    const { uuid, sizeBytes, containerUuid } = copy
    return { ...drive, disk: { uuid, sizeBytes, containerUuid } }
  })
  return { ...vm, disks }
}

function requireSnapshot(parts: JobParts, uuid: string): VmSnapshotRecord {
  const snapshot = parts.store.vmSnapshots.get(uuid)
  if (snapshot) return snapshot
  throw new WireError(500, `Snapshot ${uuid} does not exist`, errorCodes.notFound)
}
