import { groupDrives } from '../vm-disks.js'
import { targetPrefix } from '../iscsi-names.js'
import type { DiskImage } from '../store/disk-files.js'
import type { DiskBus, VmRecord } from '../store/machine-records.js'
import type { Store } from '../store/store.js'
import { errorCodes, WireError } from '../wire-error.js'

/** A drive of a machine as QEMU takes it: the block node behind it, where it has one, and the device in front. */
export interface Drive {
  /** Of the disk, or of the device that is empty. */
  readonly uuid: string
  readonly groupUuid?: string
  readonly bus: DiskBus
  readonly index: number
  readonly cdrom: boolean
  readonly node?: Readonly<Record<string, unknown>>
  readonly device: Readonly<Record<string, unknown>>
}

/** How the hypervisor itself reaches the data services, as which initiator. */
export interface DataServices {
  readonly portal: string
  readonly initiatorName: string
}

export interface DriveSources {
  image(diskUuid: string): DiskImage
  dataServices: () => DataServices
}

export function nodeName(uuid: string): string {
  // QEMU takes 31 characters.
  return `n${uuid.replaceAll('-', '').slice(0, 30)}`
}

export function deviceId(uuid: string): string {
  return `d${uuid.replaceAll('-', '').slice(0, 30)}`
}

/** All drives of a machine, those of its volume groups last. */
export function drivesOf(store: Store, vm: VmRecord, sources: DriveSources): Drive[] {
  const own = vm.disks.map(({ bus, index, cdrom, disk, deviceUuid }): Drive => {
    const uuid = disk?.uuid ?? deviceUuid
    return {
      ...{ uuid, bus, index, cdrom },
      ...(disk && { node: fileNode(disk.uuid, sources.image(disk.uuid), cdrom) }),
      device: deviceOf({ bus, index, cdrom, uuid, serial: uuid, node: disk && nodeName(disk.uuid) }),
    }
  })
  const attached = groupDrives(store, vm.uuid).flatMap(({ group, index }) =>
    group.disks.map((disk): Drive => {
      const { uuid, index: lun } = disk
      const serial = uuid
      return {
        ...{ uuid, groupUuid: group.uuid, bus: 'SCSI' as const, index, cdrom: false },
        node: iscsiNode(uuid, targetPrefix + group.iscsiTarget, lun, sources.dataServices()),
        device: deviceOf({ bus: 'SCSI', index, lun, cdrom: false, uuid, serial, node: nodeName(uuid) }),
      }
    }),
  )
  return [...own, ...attached]
}

function fileNode(uuid: string, { path, format }: DiskImage, readOnly: boolean): Record<string, unknown> {
  return {
    driver: format,
    'node-name': nodeName(uuid),
    'read-only': readOnly,
    discard: 'unmap',
    file: { driver: 'file', filename: path, 'read-only': readOnly, discard: 'unmap' },
  }
}

/** Through the target, as everybody: with its reservations, faults and revocations. */
function iscsiNode(
  uuid: string,
  target: string,
  lun: number,
  { portal, initiatorName }: DataServices,
): Record<string, unknown> {
  return {
    driver: 'iscsi',
    'node-name': nodeName(uuid),
    transport: 'tcp',
    portal,
    target,
    lun,
    'initiator-name': initiatorName,
    discard: 'unmap',
  }
}

interface Place {
  bus: DiskBus
  index: number
  lun?: number
  cdrom: boolean
  uuid: string
  serial: string
  node: string | undefined
}

/** The serial number is the vDisk's UUID, as over iSCSI; QEMU cuts it to what the bus can tell. */
function deviceOf({ bus, index, lun, cdrom, uuid, serial, node }: Place): Record<string, unknown> {
  const common = { id: deviceId(uuid), ...(node !== undefined && { drive: node }) }
  switch (bus) {
    case 'SCSI':
      return {
        ...common,
        driver: cdrom ? 'scsi-cd' : 'scsi-hd',
        bus: 'scsi.0',
        channel: 0,
        'scsi-id': index,
        lun: lun ?? 0,
        serial,
        ...(!cdrom && { device_id: serial }),
      }
    case 'IDE':
      return {
        ...common,
        driver: cdrom ? 'ide-cd' : 'ide-hd',
        bus: `ide.${Math.floor(index / 2)}`,
        unit: index % 2,
        serial: serial.slice(0, 20),
      }
    case 'SATA':
      return { ...common, driver: cdrom ? 'ide-cd' : 'ide-hd', bus: `sata.${index}`, serial: serial.slice(0, 20) }
    case 'PCI':
      return { ...common, driver: 'virtio-blk-pci', serial: serial.slice(0, 20) }
    case 'NVME':
      return { ...common, driver: 'nvme', serial: serial.slice(0, 20) }
    case 'SPAPR':
      throw new WireError(500, 'The simulator boots x86 machines, which have no SPAPR bus', errorCodes.badRequest)
  }
}
