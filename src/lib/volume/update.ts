import { AcsError } from '../base/errors.js'
import { changeVolume, withRecord, without } from './change.js'
import { forgetChapSecret, keepChapSecret } from './chap.js'
import type { VolumeContext } from './context.js'
import { findVolume } from './find.js'
import { printable } from './names.js'
import { checkMode, checkOptions } from './settings.js'
import { checkRoom, parseDescription, withHumanText, type RemovePolicy, type Trailer } from './trailer.js'
import { asVolume, nameOf, type Volume } from './volume.js'

export interface UpdateRequest {
  volume: string
  /** The human part. */
  description?: string
  protect?: boolean
  flash?: boolean
  onRemove?: RemovePolicy
  readOnly?: boolean
  mountOptions?: string
  /** Only before the first mount. */
  mkfsOptions?: string
  /** Only before the first mount; see `acs volume mount` for what owner and mode do. */
  uid?: number
  gid?: number
  mode?: string
  /** A secret switches CHAP on, `null` off. */
  chapSecret?: string | null
  /** Keep what is on the disk: gives up the permission to format. */
  adopt?: boolean
  dryRun?: boolean
}

export interface UpdateResult {
  volume: Volume
  changed: boolean
  planned?: string[]
}

/** Changes a volume's settings, all in one compare-and-swap. Idempotent. */
export async function updateVolume(context: VolumeContext, request: UpdateRequest): Promise<UpdateResult> {
  checkOptions('mount', request.mountOptions)
  checkOptions('mkfs', request.mkfsOptions)
  checkMode(request.mode)
  const before = await findVolume(context, request.volume)
  const { uuid } = before.group
  const planned = describeChanges(before, request)
  if (request.dryRun) {
    decide(before, request)
    return { volume: before, changed: false, planned }
  }
  // The secret is kept first: once the cluster has it, nobody else does.
  if (typeof request.chapSecret === 'string') await keepChapSecret(context.stateFolder, uuid, request.chapSecret)
  const volume = await changeVolume(context, uuid, (now) => decide(now, request))
  if (request.chapSecret === null) await forgetChapSecret(context.stateFolder, uuid)
  return { volume, changed: volume.group.logicalTimestamp !== before.group.logicalTimestamp }
}

function decide(
  volume: Volume,
  request: UpdateRequest,
): Parameters<VolumeContext['prism']['updateVolumeGroup']>[1] | undefined {
  const { group } = volume
  const formatted = volume.trailer?.fmt === undefined
  const beforeFirstMount = [request.mkfsOptions, request.uid, request.gid, request.mode].some(
    (value) => value !== undefined,
  )
  if (beforeFirstMount && formatted)
    throw new AcsError(
      'conflict',
      'EACSFORMATTED',
      `volume ${nameOf(volume)} is formatted already; mkfs options, owner and mode count at its first mount only`,
      { hints: ['Change the owner in the mounted filesystem with chown and chmod'], details: { uuid: group.uuid } },
    )
  if (request.chapSecret !== undefined && group.attachments.length > 0)
    throw new AcsError(
      'conflict',
      'EACSATTACHED',
      `volume ${nameOf(volume)} is attached; its CHAP secret changes only while it is not`,
      {
        hints: [`Detach it first: acs volume unmount ${printable(group.name)}`],
        details: { uuid: group.uuid },
      },
    )
  const description = describe(volume, request)
  const change = {
    ...(description === group.description ? {} : { description }),
    ...(request.flash === undefined || request.flash === group.flashMode ? {} : { flashMode: request.flash }),
    ...(request.chapSecret === undefined || (request.chapSecret === null && !group.chap)
      ? {}
      : { chapSecret: request.chapSecret }),
  }
  return Object.keys(change).length === 0 ? undefined : change
}

function describe(volume: Volume, request: UpdateRequest): string {
  const { mountOptions, mkfsOptions, uid, gid, mode, onRemove } = request
  const given: Partial<Trailer> = {
    ...(mountOptions === undefined ? {} : { mo: mountOptions.trim() }),
    ...(mkfsOptions === undefined ? {} : { mk: mkfsOptions.trim() }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mode === undefined ? {} : { mode }),
    ...(onRemove === undefined ? {} : { rm: onRemove }),
    ...(request.protect ? { prot: true } : {}),
    ...(request.readOnly ? { ro: true } : {}),
  }
  const gone: (keyof Trailer)[] = [
    ...(request.protect === false ? (['prot'] as const) : []),
    ...(request.readOnly === false ? (['ro'] as const) : []),
    ...(mountOptions?.trim() === '' ? (['mo'] as const) : []),
    ...(mkfsOptions?.trim() === '' ? (['mk'] as const) : []),
    ...(request.adopt ? (['fmt'] as const) : []),
  ]
  const has = volume.trailer
  // Not by the text: the order of its keys tells nothing.
  const touched =
    (Object.keys(given) as (keyof Trailer)[]).some((key) => has?.[key] !== given[key]) ||
    gone.some((key) => has?.[key] !== undefined)
  const recorded = touched
    ? withRecord(volume, (trailer) => without({ ...trailer, ...given }, ...gone))
    : volume.group.description
  const text =
    request.description === undefined ? recorded : withHumanText(parseDescription(recorded), request.description)
  return text === volume.group.description || volume.trailer?.h ? text : checkRoom(text)
}

function describeChanges(volume: Volume, request: UpdateRequest): string[] {
  const change = decide(volume, request)
  if (!change) return []
  const name = nameOf(volume)
  const description = change.description
  return [
    ...(description === undefined
      ? []
      : [
          `set the description of ${name} to "${printable(asVolume({ ...volume.group, description }).text)}" and its record to ${recordWords(description)}`,
        ]),
    ...(change.flashMode === undefined ? [] : [`switch flash mode of ${name} ${change.flashMode ? 'on' : 'off'}`]),
    ...(change.chapSecret === undefined ? [] : [`switch CHAP of ${name} ${change.chapSecret === null ? 'off' : 'on'}`]),
  ]
}

function recordWords(description: string): string {
  return printable(JSON.stringify(parseDescription(description).trailer ?? {}))
}
