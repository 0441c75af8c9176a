import { isAcsError } from '../base/errors.js'
import type { VolumeGroupChange } from '../prism/prism.js'
import type { VolumeContext } from './context.js'
import { readVolume } from './find.js'
import { withTrailer, type Trailer } from './trailer.js'
import { asVolume, type Volume } from './volume.js'

const attempts = 30

/**
 * Changes a group by compare-and-swap: `decide` sees the group as it is now and answers the change (or
 * nothing, or throws); when someone else was faster the group is read again and decided again.
 * Returns the volume as it is afterwards. Throws EACSSTALE when it never stands still.
 *
 * @param seen the volume as it was just read, for a first try without reading it again
 */
export async function changeVolume(
  context: VolumeContext,
  uuid: string,
  decide: (volume: Volume) => VolumeGroupChange | undefined,
  seen?: Volume,
): Promise<Volume> {
  const call = { deadline: context.deadline }
  for (let attempt = 1; ; attempt += 1) {
    const volume = attempt === 1 && seen ? seen : await readVolume(context, uuid)
    const change = decide(volume)
    if (change === undefined) return volume
    try {
      return asVolume(await context.prism.updateVolumeGroup(volume.group, change, call))
    } catch (error) {
      if (!isAcsError(error, 'EACSSTALE') || attempt >= attempts) throw error
    }
    // Full jitter: two writers that met once do not meet again in step.
    await context.deadline.sleep(Math.random() * Math.min(500, 20 * 2 ** attempt), 'waiting to change the volume group')
  }
}

/** The description that carries `edit` of the volume's record; a volume without one gets one. */
export function withRecord(volume: Volume, edit: (trailer: Trailer) => Trailer): string {
  return withTrailer(volume.description, edit(volume.trailer ?? { v: 1 }))
}

/** A copy of a record without some of its keys. */
export function without<K extends keyof Trailer>(trailer: Trailer, ...keys: K[]): Omit<Trailer, K> & { v: number } {
  const rest = { ...trailer }
  for (const key of keys) Reflect.deleteProperty(rest, key)
  return rest
}
