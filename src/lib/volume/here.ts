import { isAcsError } from '../base/errors.js'
import type { AttachedDisk, Initiator, MountEntry } from '../host/host.js'
import { whoAmI, type Me, type VolumeContext } from './context.js'
import { findDisk } from './observe.js'
import type { Volume } from './volume.js'

/** What this machine has of a volume. */
export interface Here {
  me: Me
  initiator: Initiator
  disk?: AttachedDisk
  mounts: MountEntry[]
}

/** What this machine has of the volume; undefined where no initiator works, as nothing can be attached then. */
export async function findHere(context: VolumeContext, volume: Volume): Promise<Here | undefined> {
  let who: { me: Me; initiator: Initiator }
  try {
    who = await whoAmI(context)
  } catch (error) {
    if (isAcsError(error) && error.kind === 'precondition') return undefined
    throw error
  }
  const disk = await findDisk(volume, who.initiator, context)
  if (!disk) return { ...who, mounts: [] }
  const mounts = (await context.host.mounts()).filter((mount) => mount.deviceNumber === disk.deviceNumber)
  return { ...who, disk, mounts }
}
