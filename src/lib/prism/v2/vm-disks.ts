import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { MutationOptions, TaskReference, Vm, VmDisk, VmDiskSpec } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { pause } from './entity.js'
import { changeMachine } from './machine-change.js'
import { onMachine } from './machine-refusal.js'
import type { VmDiskEntity } from './machine-schema.js'
import { settle, taskTimeoutMs } from './tasks.js'
import { optional } from './request-body.js'
import { findVm, getVmEntity, toDisk, toVm, vmPath } from './vms.js'

/** How long a disk may take to show its new size after its task has succeeded. */
const settleMs = 10_000

/** v2 `VMDiskDTO` of a new disk: an address, and what is in it. CD-ROMs are on the IDE bus, as Prism makes them (recorded). */
export function vmDiskOf(disk: VmDiskSpec): Record<string, unknown> {
  const bus = (disk.bus ?? (disk.kind === 'cdrom' ? 'ide' : 'scsi')).toUpperCase()
  const address = { device_bus: bus, ...optional('device_index', disk.index) }
  switch (disk.kind) {
    case 'empty':
      return {
        disk_address: address,
        is_cdrom: false,
        vm_disk_create: { size: disk.sizeBytes, storage_container_uuid: disk.storageContainerUuid },
      }
    case 'clone':
      return {
        disk_address: address,
        is_cdrom: false,
        vm_disk_clone: {
          disk_address: { vmdisk_uuid: disk.cloneOf },
          ...optional('minimum_size', disk.minimumSizeBytes),
          ...optional('storage_container_uuid', disk.storageContainerUuid),
        },
      }
    case 'cdrom':
      return {
        disk_address: address,
        is_cdrom: true,
        is_empty: disk.cloneOf === undefined,
        ...(disk.cloneOf === undefined ? {} : { vm_disk_clone: { disk_address: { vmdisk_uuid: disk.cloneOf } } }),
      }
    case 'volume-group':
      return { disk_address: { ...address, volume_group_uuid: disk.volumeGroupUuid }, is_cdrom: false }
  }
}

/** Adds a disk. Not repeated by itself after a lost answer: two disks would be the price. */
export async function addVmDisk(
  http: PrismHttp,
  uuid: string,
  disk: VmDiskSpec,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const request = {
    method: 'POST' as const,
    path: vmPath(uuid, '/disks/attach'),
    body: { uuid, vm_disks: [vmDiskOf(disk)] },
    doing: `adding a disk to the VM ${uuid}`,
    what: 'a change of disks',
  }
  return changeMachine(http, { uuid }, request, options)
}

/**
 * Removes the disk that the machine was seen to have at `label`. Not repeated by itself: another disk may have come to that
 * address. After a lost answer, the machine tells whether it was done. Throws EACSNOTFOUND.
 */
export async function removeVmDisk(
  http: PrismHttp,
  vm: Vm,
  label: string,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const disk = diskAt(vm, label)
  try {
    const request = {
      method: 'POST' as const,
      path: vmPath(vm.uuid, '/disks/detach'),
      body: { uuid: vm.uuid, vm_disks: [{ disk_address: addressOf(disk), is_cdrom: disk.cdrom }] },
      doing: `removing the disk ${label} of the VM "${vm.name}"`,
      what: 'a change of disks',
    }
    return await changeMachine(http, vm, request, { ...options, deadline })
  } catch (error) {
    if (!isAcsError(error) || error.details.ambiguous !== true) throw error
    const now = await findVm(http, vm.uuid, { deadline })
    if (!now || now.disks.some((other) => isSame(other, disk))) throw error
    return {}
  }
}

/**
 * Grows a disk in place. v2's specification has no call for it: `PUT /vms/{uuid}/disks/update` is what Prism's own pages
 * use, is in Nutanix's online reference ("updateDisk"), and scripts that run against clusters send this body to it.
 * Success is the disk showing its new size. Throws EACSNOTFOUND for an unknown label, EACSSIZE (usage) for a smaller size
 * and for what is no disk, EACSSTALE when another disk is at that address by now.
 */
export async function resizeVmDisk(
  http: PrismHttp,
  vm: Vm,
  label: string,
  sizeBytes: number,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const deadline = options.deadline ?? deadlineIn(taskTimeoutMs)
  const seen = diskAt(vm, label)
  // Only the wire knows the device's own uuid, and the size may be another than when the machine was listed.
  const entity = (await getVmEntity(http, vm.uuid, { deadline })).vm_disk_info?.find(
    (candidate, position) => toDisk(candidate, position).label === label,
  )
  const now = entity && toDisk(entity, 0)
  if (!now || !isSame(now, seen)) throw otherDisk(vm, label)
  const { sizeBytes: size } = now
  if (now.cdrom || now.volumeGroupUuid !== undefined || size === undefined) throw notADisk(vm, now)
  if (sizeBytes < size)
    throw new AcsError('usage', 'EACSSIZE', `the disk ${label} has ${size} bytes and can only grow`, {
      details: { uuid: vm.uuid, label, sizeBytes: size },
    })
  if (sizeBytes === size) return {}
  return onMachine(vm, async () => {
    const { body } = await http.request({
      method: 'PUT',
      path: vmPath(vm.uuid, '/disks/update'),
      body: { vm_disks: [grown(entity, sizeBytes)] },
      repeatable: true,
      deadline,
      doing: `growing the disk ${label} of the VM "${vm.name}"`,
    })
    const reference = await settle(http, body, 'a change of disks', { ...options, deadline })
    if (options.wait !== false) await sizeShown(http, vm, label, sizeBytes, deadline)
    return reference
  })
}

/** `vm_disk_create` with the disk's own address means its new size, and keeps what is on it. */
function grown(disk: VmDiskEntity, sizeBytes: number): Record<string, unknown> {
  const { disk_address: address } = disk
  return {
    disk_address: {
      vmdisk_uuid: address?.vmdisk_uuid,
      device_uuid: address?.device_uuid,
      device_index: address?.device_index,
      device_bus: address?.device_bus?.toUpperCase(),
    },
    flash_mode_enabled: disk.flash_mode_enabled ?? false,
    is_cdrom: false,
    is_empty: false,
    vm_disk_create: { size: sizeBytes, storage_container_uuid: disk.storage_container_uuid ?? undefined },
  }
}

async function sizeShown(http: PrismHttp, vm: Vm, label: string, sizeBytes: number, deadline: Deadline): Promise<void> {
  const until = Date.now() + settleMs
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    const disk = diskAt(toVm(await getVmEntity(http, vm.uuid, { deadline })), label)
    if ((disk.sizeBytes ?? 0) >= sizeBytes) return
    if (Date.now() >= until)
      throw new AcsError(
        'failed',
        'EACSPRISM',
        `Prism accepted the new size of the disk ${label} of the VM "${vm.name}", and still shows ${disk.sizeBytes ?? 0} bytes`,
        { details: { uuid: vm.uuid, label, sizeBytes, shownBytes: disk.sizeBytes }, hints: ['acs task list'] },
      )
    await pause(deadline, delayMs, 'waiting for the disk to show its size')
  }
}

function addressOf(disk: VmDisk): Record<string, unknown> {
  return {
    // A bus that we do not know is part of the label all the same: `virtio.0`.
    device_bus: (disk.bus === 'unknown' ? disk.label.replace(/\W.*$/, '') : disk.bus).toUpperCase(),
    device_index: disk.index,
    ...optional('vmdisk_uuid', disk.uuid),
    ...optional('volume_group_uuid', disk.volumeGroupUuid),
  }
}

/** At the same address, and with the same in it. */
function isSame(one: VmDisk, other: VmDisk): boolean {
  return one.label === other.label && one.uuid === other.uuid && one.volumeGroupUuid === other.volumeGroupUuid
}

function diskAt(vm: Vm, label: string): VmDisk {
  const disk = vm.disks.find((candidate) => candidate.label === label)
  if (disk) return disk
  const labels = vm.disks.map((candidate) => candidate.label)
  throw new AcsError('not-found', 'EACSNOTFOUND', `the VM "${vm.name}" has no disk ${label}`, {
    details: { uuid: vm.uuid, label, labels },
    hints: [`It has: ${labels.join(', ') || 'none'}`],
  })
}

function otherDisk(vm: Vm, label: string): AcsError {
  return new AcsError(
    'conflict',
    'EACSSTALE',
    `the disk ${label} of the VM "${vm.name}" is not the one that was there`,
    {
      details: { uuid: vm.uuid, label },
      hints: [`Look at it again: acs vm show ${vm.name}`],
    },
  )
}

function notADisk(vm: Vm, disk: VmDisk): AcsError {
  const what = disk.cdrom ? 'a CD-ROM drive' : 'a volume group'
  return new AcsError('usage', 'EACSSIZE', `${disk.label} of the VM "${vm.name}" is ${what}, which does not grow so`, {
    details: { uuid: vm.uuid, label: disk.label },
    hints:
      disk.volumeGroupUuid === undefined ? [] : [`Grow the volume: acs volume resize ${disk.volumeGroupUuid} SIZE`],
  })
}
