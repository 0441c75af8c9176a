import { rememberedHolds } from './attach-record.js'
import type { VolumeContext } from './context.js'
import { findVolume } from './find.js'
import { findHere } from './here.js'
import { describeHold, holdOf } from './holder.js'

/** Who loses the volume when access is revoked, in words; undefined when that is nobody but this machine. */
export async function whoLoses(context: VolumeContext, nameOrUuid: string): Promise<string | undefined> {
  const volume = await findVolume(context, nameOrUuid)
  const here = await findHere(context, volume)
  const remembered = await rememberedHolds(context.stateFolder, volume.group.uuid)
  const hold = holdOf(volume, here?.me ?? { hostName: '', bootId: '', initiatorName: '' }, remembered)
  return hold.kind === 'free' || hold.kind === 'mine' || hold.kind === 'restarted' ? undefined : describeHold(hold)
}
