import type { SimulatorBehaviour } from './simulator.js'
import type { DriveReference, NicRecord, PowerTransition, VmChange, VmJob, VmRecord } from './store/machine-records.js'
import type { TaskEntity, TaskRecord } from './store/records.js'
import type { Store } from './store/store.js'
import type { Tasks } from './tasks.js'
import type { CloneRequest, Customization, DriveRequest, NicRequest, VmPlans, VmRequest } from './vm-plans.js'
import { errorCodes, WireError } from './wire-error.js'
import type { DiskPlans } from './disk-plans.js'

export interface DriveChangeRequest {
  drive: DriveReference
  sizeBytes?: number
  flashMode?: boolean
  empty?: boolean
  insert?: NonNullable<DriveRequest['clone']>
}

/** Virtual machines, as records: everything that changes one is a task. */
export class Vms {
  constructor(
    private readonly store: Store,
    private readonly plans: VmPlans,
    private readonly disks: DiskPlans,
    private readonly behaviour: SimulatorBehaviour,
    private readonly tasks: () => Tasks,
  ) {}

  list(): VmRecord[] {
    return [...this.store.vms.values()]
  }

  /** A machine just made is unknown for a while, like a group. */
  require(uuid: string): VmRecord {
    const vm = this.store.vms.get(uuid.toLowerCase())
    if (vm && Date.now() >= vm.createdAtMs + this.behaviour.notFoundAfterCreateMs) return vm
    throw new WireError(this.behaviour.unknownStatus, `VM ${uuid} does not exist`, errorCodes.notFound)
  }

  requireNic(vm: VmRecord, id: string): NicRecord {
    const nic = vm.nics.find(({ uuid, macAddress }) => uuid === id.toLowerCase() || macAddress === id.toLowerCase())
    if (nic) return nic
    throw new WireError(this.behaviour.unknownStatus, `VM ${vm.name} has no NIC ${id}`, errorCodes.notFound)
  }

  create(request: VmRequest): TaskRecord {
    const machine = this.plans.machine(request)
    this.checkFree([machine.vm.uuid])
    return this.tasks().start('VmCreate', [vmEntity(machine.vm.uuid)], { kind: 'create-vms', machines: [machine] })
  }

  /** Entities: the new machines, then their source, as for groups (assumed). `source`: a machine, or that of a snapshot. */
  clone(
    source: { vm: VmRecord; entity: TaskEntity },
    requests: readonly CloneRequest[],
    customization?: Customization,
  ): TaskRecord {
    if (requests.length === 0) throw this.refuse('A clone needs at least one specification', errorCodes.badRequest)
    const machines = requests.map((request) => this.plans.clone(source.vm, request, customization))
    const uuids = machines.map(({ vm }) => vm.uuid)
    this.checkFree(uuids)
    return this.tasks().start('VmClone', [...uuids.map(vmEntity), source.entity], { kind: 'create-vms', machines })
  }

  update(vm: VmRecord, change: VmChange, expected?: number): TaskRecord {
    this.plans.checkChange(change)
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    return this.start('VmUpdate', vm, expected, { kind: 'update-vm', vmUuid: vm.uuid, change: given })
  }

  delete(vm: VmRecord, deleteSnapshots: boolean, expected?: number): TaskRecord {
    return this.start('VmDelete', vm, expected, { kind: 'delete-vm', vmUuid: vm.uuid, deleteSnapshots })
  }

  setPower(vm: VmRecord, transition: PowerTransition, hostUuid?: string, expected?: number): TaskRecord {
    if (hostUuid !== undefined && !this.store.hosts.has(hostUuid))
      throw this.refuse(`Host ${hostUuid} does not exist`, errorCodes.notFound)
    // Recorded.
    return this.start('VmChangePowerState', vm, expected, { kind: 'power-vm', vmUuid: vm.uuid, transition, hostUuid })
  }

  attachDisks(vm: VmRecord, requests: readonly DriveRequest[], expected?: number): TaskRecord {
    const { disks, groups } = this.plans.drives(requests)
    return this.start('VmDiskCreate', vm, expected, { kind: 'attach-vm-disks', vmUuid: vm.uuid, disks, groups })
  }

  detachDisks(vm: VmRecord, drives: readonly DriveReference[], expected?: number): TaskRecord {
    return this.start('VmDiskDelete', vm, expected, { kind: 'detach-vm-disks', vmUuid: vm.uuid, drives })
  }

  updateDisks(vm: VmRecord, requests: readonly DriveChangeRequest[], expected?: number): TaskRecord {
    const changes = requests.map(({ insert: clone, sizeBytes, ...rest }) => {
      // Whole blocks, as for a new disk.
      const change = { ...rest, ...(sizeBytes !== undefined && { sizeBytes: Math.ceil(sizeBytes / 512) * 512 }) }
      if (!clone) return change
      const plan = this.disks.plan({ clone })
      const byPath = clone.diskUuid === undefined && clone.path !== undefined
      return {
        ...change,
        insert: { plan, source: byPath ? { path: clone.path ?? '' } : { diskUuid: plan.sourceUuid ?? '' } },
      }
    })
    return this.start('VmDiskUpdate', vm, expected, { kind: 'update-vm-disks', vmUuid: vm.uuid, changes })
  }

  addNics(vm: VmRecord, requests: readonly NicRequest[], expected?: number): TaskRecord {
    const nics = this.plans.nics(requests)
    return this.start('VmNicCreate', vm, expected, { kind: 'add-vm-nics', vmUuid: vm.uuid, nics })
  }

  updateNic(
    vm: VmRecord,
    nic: NicRecord,
    change: { networkUuid?: string; macAddress?: string; connected?: boolean; requestedAddress?: string },
    expected?: number,
  ): TaskRecord {
    // Specified: neither can be changed.
    if (change.networkUuid !== undefined && change.networkUuid !== nic.networkUuid)
      throw this.refuse('The network of a NIC cannot be changed', errorCodes.badRequest)
    if (change.macAddress !== undefined && change.macAddress.toLowerCase() !== nic.macAddress)
      throw this.refuse('The MAC address of a NIC cannot be changed', errorCodes.badRequest)
    return this.start('VmNicUpdate', vm, expected, {
      kind: 'update-vm-nic',
      vmUuid: vm.uuid,
      nicUuid: nic.uuid,
      connected: change.connected,
      requestedAddress: change.requestedAddress,
    })
  }

  removeNic(vm: VmRecord, nic: NicRecord, expected?: number): TaskRecord {
    return this.start('VmNicDelete', vm, expected, { kind: 'remove-vm-nic', vmUuid: vm.uuid, nicUuid: nic.uuid })
  }

  /** Zero and absent mean "do not check" (specified). Checked here, and again when the task ends. */
  checkTimestamp(vm: VmRecord, given: number | undefined): void {
    if (given === undefined || given === 0 || given === vm.logicalTimestamp) return
    throw new WireError(
      this.behaviour.staleStatus,
      `Logical timestamp mismatch for VM ${vm.uuid}: current ${vm.logicalTimestamp}, given ${given}`,
      errorCodes.stale,
    )
  }

  /** It has ended by itself, or its host has. */
  poweredOff(uuid: string): void {
    const vm = this.store.vms.get(uuid)
    if (!vm || vm.powerState === 'off') return
    const off: VmRecord = { ...vm, powerState: 'off', hostUuid: undefined, logicalTimestamp: vm.logicalTimestamp + 1 }
    this.store.commit({ put: { vms: [off] } })
  }

  private start(operation: string, vm: VmRecord, expected: number | undefined, job: VmJob): TaskRecord {
    this.checkTimestamp(vm, expected)
    const checked = expected === undefined || expected === 0 ? job : { ...job, expected }
    return this.tasks().start(operation, [vmEntity(vm.uuid)], checked)
  }

  private checkFree(uuids: readonly string[]): void {
    const coming = this.tasks()
      .jobsUnderWay()
      .flatMap((job) => (job.kind === 'create-vms' ? job.machines.map(({ vm }) => vm.uuid) : []))
    const taken = uuids.find(
      (uuid, at) => this.store.vms.has(uuid) || coming.includes(uuid) || uuids.indexOf(uuid) !== at,
    )
    if (taken !== undefined) throw this.refuse(`VM with uuid ${taken} already exists`, errorCodes.exists)
  }

  private refuse(message: string, code: number): WireError {
    return new WireError(this.behaviour.refusedStatus, message, code)
  }
}

export function vmEntity(uuid: string): TaskEntity {
  return { uuid, type: 'VM' }
}
