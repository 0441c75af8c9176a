import { deviceNumberOf, deviceSize } from '../blockdev.js'
import type { AttachedDisk, DiskAddress, InitiatorKind } from '../host.js'
import type { HostRoots } from '../roots.js'

/** A disk as it is on this machine now, by its block device. */
export async function describeDisk(
  roots: HostRoots,
  { portal, targetName, lun }: Pick<DiskAddress, 'portal' | 'targetName' | 'lun'>,
  devicePath: string,
  initiator: InitiatorKind,
): Promise<AttachedDisk> {
  return {
    devicePath,
    deviceNumber: await deviceNumberOf(roots, devicePath),
    portal,
    targetName,
    lun,
    sizeBytes: await deviceSize(roots, devicePath),
    initiator,
  }
}
