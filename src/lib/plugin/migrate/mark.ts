import { AcsError, isAcsError } from '../../base/errors.js'
import { changeVolume, withRecord } from '../../volume/change.js'
import type { VolumeContext } from '../../volume/context.js'
import { isOurs, nameOf } from '../../volume/volume.js'
import type { DvpVolume } from './assess.js'

export interface Marked {
  name: string
  uuid: string
}

/**
 * Writes into the records of groups that nobody has attached that acs manages them. Nothing is written to their disks, and
 * none gets the permission to format. Idempotent; throws EACSMIGRATE (partial) when some could not be marked.
 */
export async function markManaged(context: VolumeContext, volumes: readonly DvpVolume[]): Promise<Marked[]> {
  const marked: Marked[] = []
  const failed: { name: string; error: AcsError }[] = []
  for (const { name, uuid } of volumes) {
    if (uuid === undefined) continue
    try {
      await markOne(context, uuid, name)
      marked.push({ name, uuid })
    } catch (error) {
      if (!isAcsError(error) || error.kind === 'interrupted') throw error
      failed.push({ name, error })
    }
  }
  const [first] = failed
  if (!first) return marked
  throw new AcsError(
    marked.length > 0 ? 'partial' : first.error.kind,
    'EACSMIGRATE',
    `${failed.length} of ${volumes.length} volumes could not be marked: ${failed.map(({ error }) => error.message).join('; ')}`,
    {
      cause: first.error,
      hints: ['Try again: acs migrate dvp'],
      details: { marked: marked.map(({ name }) => name), failed: failed.map(({ name }) => name) },
    },
  )
}

async function markOne(context: VolumeContext, uuid: string, name: string): Promise<void> {
  await changeVolume(context, uuid, (now) => {
    if (isOurs(now)) return undefined
    if (now.group.attachments.length > 0)
      throw new AcsError('conflict', 'EACSATTACHED', `volume ${nameOf(now)} was attached meanwhile`, {
        details: { uuid },
      })
    if (now.group.name !== name)
      throw new AcsError('conflict', 'EACSMIGRATE', `volume ${nameOf(now)} was "${name}" a moment ago`)
    return { description: withRecord(now, (trailer) => ({ ...trailer, own: true })) }
  })
}
