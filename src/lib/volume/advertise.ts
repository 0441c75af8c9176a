import { rememberedHolds } from './attach-record.js'
import { changeVolume, withRecord } from './change.js'
import type { Me, VolumeContext } from './context.js'
import { holdOf } from './holder.js'
import type { Volume } from './volume.js'

/**
 * Writes where this machine's plugin can be asked now into the record of a volume that it holds. A plugin does so
 * at its start for all its volumes: with an old address or certificate in the record it would count as silent, and
 * lose them. Changes nothing for a volume that is not this machine's.
 */
export async function advertise(context: VolumeContext, uuid: string, me: Me): Promise<Volume> {
  const { pluginAddress } = context
  const remembered = await rememberedHolds(context.stateFolder, uuid)
  return changeVolume(context, uuid, (volume) => {
    const hold = holdOf(volume, me, remembered)
    if (hold.kind !== 'mine' || pluginAddress === undefined || hold.holder.a === pluginAddress) return undefined
    return { description: withRecord(volume, (trailer) => ({ ...trailer, h: { ...hold.holder, a: pluginAddress } })) }
  })
}
