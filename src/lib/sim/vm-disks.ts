import type {
  DiskBus,
  DriveReference,
  VmDiskPlan,
  VmDiskRecord,
  VmGroupPlan,
  VmRecord,
} from './store/machine-records.js'
import type { GroupRecord } from './store/records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** How many drives a bus takes (assumed). */
const busSizes: Readonly<Record<DiskBus, number>> = { SCSI: 256, IDE: 4, PCI: 7, SATA: 6, SPAPR: 64, NVME: 8 }

/** A volume group in a machine: the group remembers it, the machine shows it. */
export interface GroupDrive {
  readonly group: GroupRecord
  /** On the SCSI bus (recorded: `scsi.1`). */
  readonly index: number
}

export function groupDrives(store: Store, vmUuid: string): GroupDrive[] {
  const drives: GroupDrive[] = []
  for (const group of store.groups.values())
    for (const attachment of group.attachments)
      if ('vmUuid' in attachment && attachment.vmUuid === vmUuid) drives.push({ group, index: attachment.index })
  return drives.sort((a, b) => a.index - b.index)
}

/** `scsi.0`, as Prism calls a place. */
export function driveLabel(bus: DiskBus, index: number): string {
  return `${bus.toLowerCase()}.${index}`
}

/** Places of a machine's buses, given away one after the other; wishes first. */
export class Slots {
  private readonly taken = new Set<string>()

  constructor(drives: Iterable<{ bus: DiskBus; index: number }>, groups: Iterable<{ index: number }>) {
    for (const { bus, index } of drives) this.taken.add(driveLabel(bus, index))
    for (const { index } of groups) this.taken.add(driveLabel('SCSI', index))
  }

  static of(store: Store, vm: VmRecord): Slots {
    return new Slots(vm.disks, groupDrives(store, vm.uuid))
  }

  /** @throws WireError when the place wished for is not free, or none is. */
  take(bus: DiskBus, wish?: number): number {
    let index = wish ?? 0
    if (wish === undefined) while (this.taken.has(driveLabel(bus, index))) index += 1
    if (!Number.isInteger(index) || index < 0 || index >= busSizes[bus] || this.taken.has(driveLabel(bus, index)))
      throw new WireError(
        500,
        wish === undefined ? `Bus ${bus.toLowerCase()} is full` : `Disk address ${driveLabel(bus, index)} is not free`,
        errorCodes.exists,
      )
    this.taken.add(driveLabel(bus, index))
    return index
  }
}

/** The drives and groups of the plans at their places. */
export function placeDrives(
  slots: Slots,
  disks: readonly VmDiskPlan[],
  groups: readonly VmGroupPlan[],
): { disks: VmDiskRecord[]; groups: { groupUuid: string; index: number }[] } {
  const places = new Map<VmDiskPlan | VmGroupPlan, number>()
  const wanted = [...disks, ...groups]
  for (const plan of [
    ...wanted.filter(({ index }) => index !== undefined),
    ...wanted.filter(({ index }) => index === undefined),
  ])
    places.set(plan, slots.take('bus' in plan ? plan.bus : 'SCSI', plan.index))
  return {
    disks: disks.map((plan) => driveOf(plan, places.get(plan) ?? 0)),
    groups: groups.map((plan) => ({ groupUuid: plan.groupUuid, index: places.get(plan) ?? 0 })),
  }
}

function driveOf({ plan, ...drive }: VmDiskPlan, index: number): VmDiskRecord {
  if (!plan) return { ...drive, index }
  const { uuid, sizeBytes, containerUuid } = plan
  return { ...drive, index, disk: { uuid, sizeBytes, containerUuid } }
}

/** What a request names by the most exact thing it says: the disk, the group, the device, then the place. */
export function findDrive(store: Store, vm: VmRecord, drive: DriveReference): VmDiskRecord | GroupDrive {
  const groups = groupDrives(store, vm.uuid)
  const { diskUuid, groupUuid, deviceUuid, bus, index } = drive
  const found =
    diskUuid !== undefined
      ? vm.disks.find(({ disk }) => disk?.uuid === diskUuid)
      : groupUuid !== undefined
        ? groups.find(({ group }) => group.uuid === groupUuid)
        : deviceUuid !== undefined
          ? vm.disks.find((other) => other.deviceUuid === deviceUuid)
          : (vm.disks.find((other) => other.bus === bus && other.index === index) ??
            groups.find((other) => bus === 'SCSI' && other.index === index))
  if (found) return found
  const name = diskUuid ?? groupUuid ?? deviceUuid ?? (bus ? driveLabel(bus, index ?? 0) : 'without an address')
  throw new WireError(500, `VM ${vm.name} has no disk ${name}`, errorCodes.notFound)
}

/** Specified: some buses, like IDE, cannot change while the machine runs. Recorded: `is_hot_remove_enabled` of SCSI only. */
export function isHotPluggable(bus: DiskBus): boolean {
  return bus === 'SCSI'
}
