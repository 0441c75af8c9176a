import { AcsError } from '../base/errors.js'
import type { FilesystemType } from '../host/host.js'
import type { CallOptions } from '../prism/prism.js'
import { adoptVolume } from './adopt.js'
import { without } from './change.js'
import { copyVolume, inheritedTrailer, isHalfMade } from './copy.js'
import type { VolumeContext } from './context.js'
import { findPlace, nameTaken, type Place } from './create.js'
import { findVolume } from './find.js'
import { withVolumeLock } from './lock.js'
import { checkVolumeName, printable } from './names.js'
import { creatorName } from './quota.js'
import { resizeVolume } from './resize.js'
import { checkOptions } from './settings.js'
import { checkRoom, withTrailer, type RemovePolicy, type Trailer } from './trailer.js'
import { asVolume, diskAt, headOf, nameOf, type Volume } from './volume.js'

export interface CloneRequest {
  /** Volume or snapshot, by name or UUID. */
  source: string
  name: string
  /** Default: the source's, as for all settings. */
  description?: string
  mountOptions?: string
  onRemove?: RemovePolicy
  readOnly?: boolean
  protect?: boolean
  flash?: boolean
  /** At least; larger than the source's, the disk grows, and its filesystem by a later `resizeVolume`. */
  sizeBytes?: number
  /** Refused when a volume of that name that is there already has another. */
  filesystem?: FilesystemType
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

/**
 * Makes a new volume with the data of another or of a snapshot. It is never formatted. Two hosts that make the same clone
 * at once make one: both derive the same UUID from name and source. Throws EACSEXISTS.
 */
export async function cloneVolume(context: VolumeContext, request: CloneRequest): Promise<CloneResult> {
  const name = checkVolumeName(request.name)
  const source = await findVolume(context, request.source)
  checkFilesystem(request, source)
  const { hostName } = await context.host.identity()
  const trailer = trailerOf(request, source, hostName)
  const text = request.description ?? source.text
  checkRoom(withTrailer({ before: text, after: '' }, trailer))
  return withVolumeLock(context, source.group.uuid, `clone ${printable(request.source)}`, async () => {
    const place = await findPlace(context, name, source.group.uuid)
    const there = place.existing
    if (there && !(await isUnfinished(context, place, source))) {
      if (!request.existsOk) throw nameTaken(asVolume(there))
      const { sizeBytes, filesystem, dryRun } = request
      // Its maker may have crashed before it grew.
      const wanted = { filesystem, dryRun, ...(place.derived ? {} : { sizeBytes }) }
      const volume = await adoptVolume(context, there.uuid, wanted)
      if (dryRun) return { volume, created: false, planned: [] }
      return { volume: place.derived ? await grow(context, volume, request) : volume, created: false }
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
      described: (copy) => isDescribed(copy, source),
      freeze: request.freeze ?? true,
      chap: true,
      ...(request.flash === undefined ? {} : { flash: request.flash }),
      ...(request.onTask ? { onTask: request.onTask } : {}),
    })
    return { volume: await grow(context, volume, request), created: true }
  })
}

function trailerOf(request: CloneRequest, source: Volume, hostName: string): Trailer {
  const { mountOptions, onRemove, readOnly, protect } = request
  const inherited = inheritedTrailer(source.trailer)
  return {
    ...(readOnly === false ? without(inherited, 'ro') : inherited),
    ...(mountOptions === undefined ? {} : { mo: checkOptions('mount', mountOptions) }),
    ...(onRemove === undefined ? {} : { rm: onRemove }),
    ...(readOnly ? { ro: true } : {}),
    ...(protect ? { prot: true } : {}),
    c: creatorName(hostName),
    cp: headOf(source.group.uuid),
  }
}

/** A clone has what its source has on its disk. */
function checkFilesystem({ filesystem }: CloneRequest, source: Volume): void {
  const has = source.trailer?.fs
  if (filesystem === undefined || has === undefined || filesystem === has) return
  throw new AcsError('usage', 'EACSUSAGE', `a clone of ${nameOf(source)} has its filesystem, ${has}, not ${filesystem}`)
}

/** A clone without its own record: its maker is at it, or crashed, here or on another machine. */
async function isUnfinished(context: VolumeContext, place: Place, source: Volume): Promise<boolean> {
  if (!place.existing) return false
  if (await isHalfMade(context, place.existing.uuid, source)) return true
  return place.derived && !isDescribed(asVolume(place.existing), source)
}

function isDescribed(copy: Volume, source: Volume): boolean {
  return copy.trailer?.cp === headOf(source.group.uuid)
}

async function grow(context: VolumeContext, volume: Volume, { sizeBytes = 0 }: CloneRequest): Promise<Volume> {
  if (sizeBytes <= diskAt(volume).sizeBytes) return volume
  return (await resizeVolume(context, { volume: volume.group.uuid, size: { toBytes: sizeBytes } })).volume
}
