import { AcsError } from '../base/errors.js'
import type { MutationOptions, TaskReference } from '../prism/prism.js'
import type { VolumeContext } from './context.js'
import { findVolume, readVolume } from './find.js'
import { currentHolder, initiatorsOf } from './holder.js'
import { printable } from './names.js'
import { isTrashed, nameOf, type Volume } from './volume.js'

/**
 * A volume that nobody uses, for a machine to have it through the hypervisor. Throws EACSINUSE (conflict) for one that a host or
 * another machine has, EACSSNAPSHOT for a snapshot and what is in the trash.
 */
export async function freeVolume(context: VolumeContext, nameOrUuid: string, vmUuid: string): Promise<Volume> {
  const volume = await findVolume(context, nameOrUuid)
  const { group } = volume
  const shown = nameOf(volume)
  if (volume.trailer?.snap !== undefined || isTrashed(volume))
    throw new AcsError('conflict', 'EACSSNAPSHOT', `${shown} is ${isTrashed(volume) ? 'in the trash' : 'a snapshot'}`, {
      hints: [`Make a volume of it: acs volume create NAME --from ${printable(group.name)}`],
    })
  const vms = group.attachments.flatMap((attachment) => attachment.vmUuid ?? [])
  const initiators = initiatorsOf(volume)
  if (vms.length === 0 && initiators.length === 0) return volume
  const holder = currentHolder(volume)
  const users = [
    ...vms.map((uuid) => (uuid === vmUuid ? 'this machine' : `machine ${uuid}`)),
    ...(holder ? [holder.n] : initiators),
  ]
  throw new AcsError('conflict', 'EACSINUSE', `volume ${shown} is used by ${users.join(', ')}`, {
    hints: [`Look: acs volume explain ${printable(group.name)}`],
    details: { uuid: group.uuid, vms, initiators },
  })
}

/**
 * Attaches a volume that was seen free, if it still is: whoever takes it meanwhile changes its version. Throws EACSINUSE
 * (conflict) then, else what the cluster says.
 */
export async function attachToVm(
  context: VolumeContext,
  { group }: Volume,
  vmUuid: string,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const { prism, deadline } = context
  try {
    return await prism.attachToVm(group.uuid, vmUuid, {
      ...options,
      deadline,
      logicalTimestamp: group.logicalTimestamp,
    })
  } catch (error) {
    const now = await readVolume(context, group.uuid)
    if (now.group.logicalTimestamp === group.logicalTimestamp) throw error
    throw new AcsError('conflict', 'EACSINUSE', `volume ${nameOf(now)} was changed by someone else just now`, {
      cause: error,
      hints: [`Look: acs volume explain ${printable(group.name)}`],
      details: { uuid: group.uuid },
    })
  }
}
