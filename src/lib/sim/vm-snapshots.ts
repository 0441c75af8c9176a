import { randomUUID } from 'node:crypto'
import type { SimulatorBehaviour } from './simulator.js'
import type { VmRecord, VmSnapshotPlan, VmSnapshotRecord } from './store/machine-records.js'
import type { DiskPlan, TaskEntity, TaskRecord } from './store/records.js'
import type { Store } from './store/store.js'
import type { Tasks } from './tasks.js'
import { disksOf } from './vm-jobs.js'
import { vmEntity, type Vms } from './vms.js'
import { errorCodes, WireError } from './wire-error.js'

export interface SnapshotRequest {
  uuid?: string
  name?: string
  vmUuid: string
}

/** Snapshots of virtual machines: their settings, and copies of their disks, without their volume groups (assumed). */
export class VmSnapshots {
  constructor(
    private readonly store: Store,
    private readonly vms: Vms,
    private readonly behaviour: SimulatorBehaviour,
    private readonly tasks: () => Tasks,
  ) {}

  list(vmUuid?: string): VmSnapshotRecord[] {
    const all = [...this.store.vmSnapshots.values()]
    return vmUuid === undefined ? all : all.filter((snapshot) => snapshot.vmUuid === vmUuid.toLowerCase())
  }

  require(uuid: string): VmSnapshotRecord {
    const snapshot = this.store.vmSnapshots.get(uuid.toLowerCase())
    if (snapshot) return snapshot
    throw new WireError(this.behaviour.unknownStatus, `Snapshot ${uuid} does not exist`, errorCodes.notFound)
  }

  create(requests: readonly SnapshotRequest[]): TaskRecord {
    if (requests.length === 0) throw this.refuse('A snapshot needs at least one specification', errorCodes.badRequest)
    const snapshots = requests.map((request): VmSnapshotPlan => {
      const vm = this.vms.require(request.vmUuid)
      const name = request.name ?? `${vm.name}-snapshot`
      return { uuid: request.uuid ?? randomUUID(), name, vmUuid: vm.uuid, disks: copiesOf(vm) }
    })
    this.checkFree(snapshots.map(({ uuid }) => uuid))
    const entities = [
      ...snapshots.map(({ uuid }) => snapshotEntity(uuid)),
      ...snapshots.map(({ vmUuid }) => vmEntity(vmUuid)),
    ]
    return this.tasks().start('SnapshotCreate', entities, { kind: 'snapshot-vms', groupUuid: randomUUID(), snapshots })
  }

  delete(snapshot: VmSnapshotRecord, logicalTimestamp?: number): TaskRecord {
    if (logicalTimestamp !== undefined && logicalTimestamp !== 0 && logicalTimestamp !== snapshot.logicalTimestamp)
      throw new WireError(
        this.behaviour.staleStatus,
        `Logical timestamp mismatch for snapshot ${snapshot.uuid}: current ${snapshot.logicalTimestamp}, given ${logicalTimestamp}`,
        errorCodes.stale,
      )
    return this.tasks().start('SnapshotDelete', [snapshotEntity(snapshot.uuid)], {
      kind: 'delete-vm-snapshot',
      snapshotUuid: snapshot.uuid,
    })
  }

  restore(vm: VmRecord, snapshotUuid: string, restoreNetwork: boolean, expected?: number): TaskRecord {
    this.vms.checkTimestamp(vm, expected)
    const snapshot = this.require(snapshotUuid)
    if (snapshot.vmUuid !== vm.uuid)
      throw this.refuse(`Snapshot ${snapshot.uuid} is not one of VM ${vm.name}`, errorCodes.badRequest)
    return this.tasks().start('VmRestore', [vmEntity(vm.uuid), snapshotEntity(snapshot.uuid)], {
      kind: 'restore-vm',
      vmUuid: vm.uuid,
      ...(expected !== undefined && expected !== 0 && { expected }),
      snapshotUuid: snapshot.uuid,
      restoreNetwork,
      disks: copiesOf(snapshot.vm),
    })
  }

  private checkFree(uuids: readonly string[]): void {
    const coming = this.tasks()
      .jobsUnderWay()
      .flatMap((job) => (job.kind === 'snapshot-vms' ? job.snapshots.map(({ uuid }) => uuid) : []))
    const taken = uuids.find(
      (uuid, at) => this.store.vmSnapshots.has(uuid) || coming.includes(uuid) || uuids.indexOf(uuid) !== at,
    )
    if (taken !== undefined) throw this.refuse(`Snapshot with uuid ${taken} already exists`, errorCodes.exists)
  }

  private refuse(message: string, code: number): WireError {
    return new WireError(this.behaviour.refusedStatus, message, code)
  }
}

export function snapshotEntity(uuid: string): TaskEntity {
  return { uuid, type: 'SNAPSHOT' }
}

function copiesOf(vm: VmRecord): DiskPlan[] {
  return disksOf(vm).map((disk) => ({ ...disk, uuid: randomUUID(), sourceUuid: disk.uuid }))
}
