import { randomBytes, randomUUID } from 'node:crypto'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError } from '../base/errors.js'
import type { FilesystemType } from '../host/host.js'
import { changeVolume, withRecord } from './change.js'
import { announceStep, whoAmI, type Me, type VolumeContext } from './context.js'
import { findVolume } from './find.js'
import { findHere } from './here.js'
import { heldElsewhere, holdOf } from './holder.js'
import { printable } from './names.js'
import { runSession, type SessionResult } from './session.js'
import { checkOptions } from './settings.js'
import { openJournal } from './journal.js'
import { withVolumeLock } from './lock.js'
import { headOf, isOurs, nameOf, type Volume } from './volume.js'

export interface FormatRequest {
  volume: string
  /** Default: the recorded one, else ext4. */
  filesystem?: FilesystemType
  mkfsOptions?: string
  dryRun?: boolean
}

export interface FormatResult {
  volume: Volume
  /** What was on the disk, in words. */
  was: string
  planned?: string[]
}

/**
 * Wipes a volume and makes a new filesystem on it, whatever was there: the only way past the blank check. The
 * caller had the name typed back. Refuses while it is held elsewhere or mounted here.
 */
export async function formatVolume(context: VolumeContext, request: FormatRequest): Promise<FormatResult> {
  checkOptions('mkfs', request.mkfsOptions)
  const before = await findVolume(context, request.volume)
  const { uuid } = before.group
  const { me } = await whoAmI(context)
  await refuseInUse(context, before, me)
  const filesystem = request.filesystem ?? before.trailer?.fs ?? 'ext4'
  if (request.dryRun)
    return {
      volume: before,
      was: 'not looked at',
      planned: [
        `attach volume ${nameOf(before)} to this machine exclusively`,
        'wipe its whole disk, whatever is on it',
        `make an ${filesystem} filesystem on it`,
        'detach it again',
      ],
    }
  const wasAttached = holdOf(before, me).kind === 'mine'
  await session(context, uuid, { state: 'attached', takeOver: false, shared: false })
  const was = await wipe(context, uuid, { ...request, filesystem })
  // The mount that follows is an ordinary first mount: blank check, token and all.
  // In a folder that only this machine's root can enter: nobody is to use it in passing.
  const place = join(context.stateFolder, `format-${uuid}`)
  const mounted = await session(context, uuid, { state: 'mounted', takeOver: false }, place)
  await session(
    context,
    uuid,
    wasAttached ? { state: 'unmounted' } : { state: 'detached', unmount: true },
    mounted.work.mountPoint,
  )
  await rmdir(mounted.work.mountPoint)
  return { volume: await findVolume(context, uuid), was }
}

/** Gives the volume a permission to format again, and zeroes its disk. */
async function wipe(
  context: VolumeContext,
  uuid: string,
  request: FormatRequest & { filesystem: FilesystemType },
): Promise<string> {
  return withVolumeLock(context, uuid, 'format', async () => {
    const volume = await findVolume(context, uuid)
    const here = await findHere(context, volume)
    if (!here?.disk || here.mounts.length > 0 || holdOf(volume, here.me).kind !== 'mine')
      throw new AcsError('conflict', 'EACSCHANGED', `volume ${nameOf(volume)} was changed by someone else meanwhile`)
    const content = await context.host.deviceContent(here.disk.devicePath, context.deadline)
    const was = content.state === 'blank' ? 'empty' : content.state === 'filesystem' ? content.type : content.what
    const journal = await openJournal(context, volume.group, 'format')
    // The user's word is the proof here. Recorded as a format under way, so that a crash while wiping can go on.
    const token = `${headOf(uuid)}-${randomBytes(6).toString('hex')}`
    const { mkfsOptions, filesystem } = request
    await journal.learn({ format: { token, fsUuid: randomUUID(), at: new Date().toISOString() } })
    announceStep(context, `wiping ${here.disk.devicePath} (${was})`)
    await journal.run('zero-device', () => context.host.zeroDevice(here.disk?.devicePath ?? '', context.deadline))
    await changeVolume(context, uuid, (now) => {
      if (holdOf(now, here.me).kind !== 'mine') throw heldBySomeone(now, here.me)
      const mk = mkfsOptions === undefined ? {} : { mk: mkfsOptions.trim() }
      return { description: withRecord(now, (trailer) => ({ ...trailer, fs: filesystem, ...mk, fmt: { t: token } })) }
    })
    await journal.learn({ format: undefined })
    await journal.end()
    return was
  })
}

function session(
  context: VolumeContext,
  volume: string,
  desired: Parameters<typeof runSession>[1]['desired'],
  mountPoint?: string,
): Promise<SessionResult> {
  return runSession(context, { volume, intent: 'format', desired, ...(mountPoint === undefined ? {} : { mountPoint }) })
}

async function refuseInUse(context: VolumeContext, volume: Volume, me: Me): Promise<void> {
  const hold = holdOf(volume, me)
  if (hold.kind !== 'free' && hold.kind !== 'mine') throw heldElsewhere(volume, hold, me)
  if (volume.trailer?.prot)
    throw new AcsError('conflict', 'EACSPROTECTED', `volume ${nameOf(volume)} is protected`, {
      hints: [`Take the protection away first: acs volume update ${printable(volume.group.name)} --no-protect`],
    })
  const here = await findHere(context, volume)
  const [mount] = here?.mounts ?? []
  if (mount)
    throw new AcsError('conflict', 'EACSMOUNTED', `volume ${nameOf(volume)} is mounted at ${mount.mountPoint}`, {
      hints: [`Unmount it first: acs volume unmount ${printable(volume.group.name)}`],
      details: { uuid: volume.group.uuid, managed: isOurs(volume) },
    })
}

function heldBySomeone(volume: Volume, me: Me): AcsError {
  const hold = holdOf(volume, me)
  if (hold.kind !== 'free') return heldElsewhere(volume, hold, me)
  return new AcsError('conflict', 'EACSCHANGED', `access to volume ${nameOf(volume)} was revoked meanwhile`)
}
