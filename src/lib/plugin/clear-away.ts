import type { AttachedDisk, Initiator } from '../host/host.js'
import type { VolumeContext } from '../volume/context.js'
import type { References } from '../volume/references.js'

type Part = Pick<References, 'target' | 'mountPoint'>

/**
 * Lets all I/O to a volume's disk fail, on a machine that may no longer use it. `still` is asked right before: looking
 * takes a moment, and the disk that is found then may be here by right again.
 */
export async function failIo(context: VolumeContext, part: Part, still: () => boolean): Promise<void> {
  const { initiator, disk } = await findPart(context, part)
  if (disk && still()) await initiator.failIo?.(disk, context.deadline)
}

/**
 * Takes what is left here of a volume that the cluster no longer gives this machine: its I/O fails first, as an
 * unmount would wait for it. What was not written yet is lost. Throws EACSBUSY while anything has it mounted.
 */
export async function clearAway(context: VolumeContext, part: Part): Promise<void> {
  const { initiator, disk } = await findPart(context, part)
  if (disk) await initiator.failIo?.(disk, context.deadline)
  const mounts = (await context.host.mounts()).filter(({ mountPoint, deviceNumber }) =>
    disk ? deviceNumber === disk.deviceNumber : mountPoint === part.mountPoint,
  )
  for (const { mountPoint, deviceNumber } of mounts.reverse())
    await context.host.unmount(mountPoint, context.deadline, deviceNumber)
  if (disk) await initiator.detach(disk, context.deadline)
}

/** The initiator, and the disk where it is on this machine. Asks nothing of the cluster, which may be down. */
export async function findPart(
  context: VolumeContext,
  part: Pick<Part, 'target'>,
): Promise<{ initiator: Initiator; disk?: AttachedDisk }> {
  const initiator = await context.host.initiator(context.initiator ?? 'auto', context.deadline)
  const disks = await initiator.attached(context.deadline)
  const disk = disks.find(({ targetName, lun }) => targetName === part.target && lun === 0)
  return { initiator, ...(disk ? { disk } : {}) }
}
