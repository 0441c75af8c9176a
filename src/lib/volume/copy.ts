import { isAcsError } from '../base/errors.js'
import type { CallOptions } from '../prism/prism.js'
import { rememberedHolds } from './attach-record.js'
import { changeVolume } from './change.js'
import { announceStep, warn, type VolumeContext } from './context.js'
import { keepChapSecret, storedChapSecret } from './chap.js'
import { appearsAnyway, settleMs } from './create.js'
import { readVolume } from './find.js'
import { whileFrozen } from './freeze.js'
import { findHere } from './here.js'
import { currentHolder, describeHold, holdOf, initiatorsOf } from './holder.js'
import { openJournal, readJournal } from './journal.js'
import { withTrailer, type Trailer } from './trailer.js'
import { nameOf, type Volume } from './volume.js'

export interface CopyRequest {
  source: Volume
  /** Of the new group. */
  name: string
  uuid: string
  intent: string
  /** Human part of the new description. */
  text: string
  trailer: (frozen: boolean) => Trailer
  /** Freeze a filesystem that is mounted here meanwhile. */
  freeze: boolean
  /** The new group is as described already, by this machine or by another that made the same copy in one moment. */
  described?: (copy: Volume) => boolean
  flash?: boolean
  /** Give the copy the CHAP secret of its source, where this machine has it. */
  chap: boolean
  onTask?: CallOptions['onTask']
}

/**
 * Clones a group and writes its own record over what the clone may have inherited. Journaled under the new
 * group's UUID: after a crash the same call finishes the half-made clone. The caller locks the source.
 */
export async function copyVolume(context: VolumeContext, request: CopyRequest): Promise<Volume> {
  const { source, name, uuid } = request
  const journal = await openJournal(context, { uuid, name }, request.intent)
  const at = new Date().toISOString()
  await journal.learn({ copy: { source: source.group.uuid, uuid, name, at } })
  let frozen = false
  try {
    await journal.run('clone-group', async () => {
      announceStep(context, `cloning ${nameOf(source)} to ${name}`)
      try {
        frozen = await cloneConsistently(context, request)
      } catch (error) {
        // Another machine may be making the same copy, which is as good; for a snapshot it is not, its moment counts.
        if (!request.described || !isAcsError(error) || !['failed', 'conflict'].includes(error.kind)) throw error
        await appearsAnyway(context, uuid, error)
      }
    })
  } catch (error) {
    // A refusal means that there is no clone; anything else leaves it open, and the journal with it.
    if (isAcsError(error) && ['failed', 'conflict', 'not-found', 'usage'].includes(error.kind)) {
      await journal.learn({ copy: undefined })
      await journal.end()
    }
    throw error
  }
  await journal.run('describe-clone', () => describeCopy(context, request, frozen))
  await journal.learn({ copy: undefined })
  await journal.end()
  return readVolume(context, uuid)
}

/** Whether an existing group is a copy this machine began to make of that source and did not finish. */
export async function isHalfMade(context: VolumeContext, uuid: string, source: Volume): Promise<boolean> {
  return (await readJournal(context.stateFolder, uuid))?.facts.copy?.source === source.group.uuid
}

/** Writes the copy's own record, whatever description the cluster gave it. */
export async function describeCopy(context: VolumeContext, request: CopyRequest, frozen: boolean): Promise<void> {
  const { source, uuid, name } = request
  const chapSecret =
    request.chap && source.group.chap ? await storedChapSecret(context.stateFolder, source.group.uuid) : undefined
  if (request.chap && source.group.chap && chapSecret === undefined)
    warn(
      context,
      `${nameOf(source)} has CHAP, but this machine does not know its secret: ${name} has none (acs volume update ${name} --chap)`,
    )
  if (chapSecret !== undefined) await keepChapSecret(context.stateFolder, uuid, chapSecret)
  await context.prism.volumeGroup(uuid, { deadline: context.deadline, tolerateNotFoundMs: settleMs })
  await changeVolume(context, uuid, (copy) => {
    if (request.described?.(copy)) return undefined
    // Another machine may have it attached by now, if it took the half-made copy for a volume. Nobody else's record stays.
    const holder = currentHolder(copy)
    const trailer = { ...request.trailer(frozen), ...(holder ? { h: holder } : {}) }
    return {
      description: withTrailer({ before: request.text, after: '' }, trailer),
      ...(request.flash === undefined ? {} : { flashMode: request.flash }),
      ...(chapSecret === undefined ? {} : { chapSecret }),
    }
  })
}

/** Clones, with the filesystem frozen when it is mounted here for writing. Returns whether it was. */
async function cloneConsistently(context: VolumeContext, request: CopyRequest): Promise<boolean> {
  const { source, name, uuid } = request
  const clone = async (deadline: VolumeContext['deadline']): Promise<void> => {
    const onTask = request.onTask ? { onTask: request.onTask } : {}
    await context.prism.cloneVolumeGroup(source.group.uuid, { name, uuid }, { deadline, ...onTask })
  }
  const mountPoint = request.freeze ? await writableMount(context, source) : undefined
  if (mountPoint === undefined) {
    await clone(context.deadline)
    return false
  }
  announceStep(context, `freezing ${mountPoint} meanwhile`)
  await whileFrozen(context, mountPoint, clone)
  return true
}

/** Where the volume is mounted here for writing. Warns when its data may be caught in the middle of a write. */
async function writableMount(context: VolumeContext, source: Volume): Promise<string | undefined> {
  const users = initiatorsOf(source)
  const vms = source.group.attachments.some((attachment) => attachment.vmUuid !== undefined)
  if (users.length === 0 && !vms) return undefined
  const here = await findHere(context, source)
  const remembered = await rememberedHolds(context.stateFolder, source.group.uuid)
  const hold = holdOf(source, here?.me ?? { hostName: '', bootId: '', initiatorName: '' }, remembered)
  if (hold.kind === 'mine') {
    const mount = here?.mounts.find((candidate) => !candidate.options.includes('ro'))
    return mount?.mountPoint
  }
  // Nobody writes to it.
  if (hold.kind === 'reading' || hold.kind === 'readers') return undefined
  warn(
    context,
    `${nameOf(source)} is in use by ${describeHold(hold)}: the copy is as after a power cut there (crash-consistent), since only that machine could freeze it`,
  )
  return undefined
}

/** The record of a copy that is a volume: what describes its data, and nothing of the source's state. */
export function inheritedTrailer(source: Trailer | undefined): Trailer {
  const { fs, mk, mo, uid, gid, mode, rm, ro } = source ?? {}
  const kept = Object.fromEntries(
    Object.entries({ fs, mk, mo, uid, gid, mode, rm, ro }).filter(([, value]) => value !== undefined),
  )
  return { v: 1, ...kept, ...(fs === undefined ? { own: true } : {}) }
}
