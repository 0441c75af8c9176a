import { isInitiatorAddress } from './iscsi-clients.js'
import type { SimulatorBehaviour } from './simulator.js'
import type { DiskPlan, DiskRecord, GroupRecord } from './store/records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** What the cluster accepts of a group and its disks; each check throws the answer of a refusal. */
export class GroupRules {
  constructor(
    private readonly store: Store,
    private readonly behaviour: SimulatorBehaviour,
  ) {}

  /** Throws when another group, or one being made, has this name, UUID or target. */
  checkFree(
    group: Pick<GroupRecord, 'uuid' | 'name' | 'iscsiTarget'>,
    others: Iterable<GroupRecord> = this.store.groups.values(),
  ): void {
    for (const other of others) {
      if (other.uuid === group.uuid)
        throw this.refuse(`Volume group with uuid ${group.uuid} already exists`, errorCodes.exists)
      if (this.behaviour.uniqueNames && other.name === group.name)
        throw this.refuse(`Volume group with name ${group.name} already exists`, errorCodes.exists)
      if (other.iscsiTarget === group.iscsiTarget)
        throw this.refuse(`Volume group with iSCSI target ${group.iscsiTarget} already exists`, errorCodes.exists)
    }
  }

  /** Zero and absent mean "do not check" (specification). */
  checkTimestamp(group: GroupRecord, given: number | undefined): void {
    if (given === undefined || given === 0 || given === group.logicalTimestamp) return
    throw new WireError(
      this.behaviour.staleStatus,
      `Logical timestamp mismatch for volume group ${group.uuid}: current ${group.logicalTimestamp}, given ${given}`,
      errorCodes.stale,
    )
  }

  checkName(name: string): void {
    this.checkNameText(name)
    if (this.behaviour.uniqueNames && this.list().some((group) => group.name === name))
      throw this.refuse(`Volume group with name ${name} already exists`, errorCodes.exists)
  }

  /** Pattern from the specification; the length from v3. */
  checkNameText(name: string): void {
    if (!/^[^[\]?*'",]+$/.test(name) || name.length > 256)
      throw this.refuse(`Invalid volume group name "${name}"`, errorCodes.badRequest)
  }

  checkTarget(target: string): void {
    this.checkTargetText(target)
    if (this.list().some((group) => group.iscsiTarget === target))
      throw this.refuse(`Volume group with iSCSI target ${target} already exists`, errorCodes.exists)
  }

  checkTargetText(target: string): void {
    if (!/^[\da-zA-Z:.-]+$/.test(target))
      throw this.refuse(`Invalid iSCSI target name "${target}"`, errorCodes.badRequest)
  }

  checkDescription(description: string | undefined): void {
    const most = this.behaviour.maxDescriptionLength
    if (description !== undefined && description.length > most)
      throw this.refuse(`Volume group description is longer than ${most} characters`, errorCodes.badRequest)
  }

  checkAddress(address: string): void {
    if (!isInitiatorAddress(address))
      throw this.refuse(`Invalid iSCSI client address "${address}"`, errorCodes.badRequest)
  }

  checkIndexes(plans: readonly DiskPlan[], present: readonly DiskRecord[]): void {
    const taken = new Set(present.map((disk) => disk.index))
    for (const { index } of plans) {
      if (index === undefined) continue
      if (!Number.isInteger(index) || index < 0 || index > 255 || taken.has(index))
        throw this.refuse(`Disk index ${index} is not free`, errorCodes.exists)
      taken.add(index)
    }
  }

  requireDisk(group: GroupRecord, index: number): DiskRecord {
    const disk = group.disks.find((candidate) => candidate.index === index)
    if (disk) return disk
    throw new WireError(
      this.behaviour.unknownStatus,
      `Volume group ${group.name} has no disk at index ${index}`,
      errorCodes.notFound,
    )
  }

  noSpace(containerUuid: string): WireError {
    const name = this.store.containers.get(containerUuid)?.name ?? containerUuid
    return new WireError(
      this.behaviour.refusedStatus,
      `NO_SPACE: Storage container ${name} does not have enough free space for the requested disk`,
      errorCodes.noSpace,
    )
  }

  refuse(message: string, code: number): WireError {
    return new WireError(this.behaviour.refusedStatus, message, code)
  }

  private list(): GroupRecord[] {
    return [...this.store.groups.values()]
  }
}
