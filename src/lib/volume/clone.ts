import { AcsError } from '../base/errors.js'
import type { CallOptions } from '../prism/prism.js'
import { copyVolume, inheritedTrailer, isHalfMade } from './copy.js'
import { note, type VolumeContext } from './context.js'
import { findPlace } from './create.js'
import { findVolume } from './find.js'
import { withVolumeLock } from './lock.js'
import { checkVolumeName, printable } from './names.js'
import { checkRoom, withTrailer } from './trailer.js'
import { nameOf, type Volume } from './volume.js'

export interface CloneRequest {
  /** Volume or snapshot, by name or UUID. */
  source: string
  name: string
  /** Default: the source's. */
  description?: string
  /** Freeze the source's filesystem meanwhile, when it is mounted here. Default true. */
  freeze?: boolean
  /** A volume of that name that is there already is success. */
  existsOk?: boolean
  dryRun?: boolean
  onTask?: CallOptions['onTask']
}

export interface CloneResult {
  volume?: Volume
  created: boolean
  planned?: string[]
}

/** Makes a new volume with the data of another or of a snapshot. It is never formatted. Throws EACSEXISTS. */
export async function cloneVolume(context: VolumeContext, request: CloneRequest): Promise<CloneResult> {
  const name = checkVolumeName(request.name)
  const source = await findVolume(context, request.source)
  const trailer = inheritedTrailer(source.trailer)
  const text = request.description ?? source.text
  checkRoom(withTrailer({ before: text, after: '' }, trailer))
  return withVolumeLock(context, source.group.uuid, `clone ${printable(request.source)}`, async () => {
    const place = await findPlace(context, name, source.group.uuid)
    const there = place.existing
    const halfMade = there !== undefined && (await isHalfMade(context, there.uuid, source))
    if (there && !halfMade) {
      if (!request.existsOk)
        throw new AcsError('conflict', 'EACSEXISTS', `there is a volume "${name}" already`, {
          hints: [`See it: acs volume show ${name}`, 'To go on with the one that is there: --exists-ok'],
          details: { uuid: there.uuid, name },
        })
      note(context, `volume "${name}" is there already`)
      return {
        volume: await findVolume(context, there.uuid),
        created: false,
        ...(request.dryRun ? { planned: [] } : {}),
      }
    }
    const uuid = there?.uuid ?? place.uuid
    if (request.dryRun)
      return {
        created: false,
        planned: [`clone ${nameOf(source)} to a new volume group "${name}" (${uuid})`, 'write its own record into it'],
      }
    const volume = await copyVolume(context, {
      source,
      name,
      uuid,
      intent: 'clone',
      text,
      trailer: () => trailer,
      freeze: request.freeze ?? true,
      chap: true,
      ...(request.onTask ? { onTask: request.onTask } : {}),
    })
    return { volume, created: true }
  })
}
