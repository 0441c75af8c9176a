import { AcsError, isAcsError } from '../base/errors.js'
import { formatSize, maxVolumeBytes, parseVolumeSize } from '../base/sizes.js'
import type { FilesystemType } from '../host/host.js'
import type { CallOptions } from '../prism/prism.js'
import { announceStep, note, type VolumeContext } from './context.js'
import { findVolume } from './find.js'
import { findHere, type Here } from './here.js'
import { describeHold, holdOf } from './holder.js'
import { withVolumeLock } from './lock.js'
import { printable } from './names.js'
import { refuseTrashed } from './usable.js'
import { diskAt, nameOf, type Volume } from './volume.js'

/** A new size in bytes, or what to add to the present one. */
export type Growth = { toBytes: number } | { addBytes: number }

/** `40G`, or `+10G`. Throws EACSSIZE (usage). */
export function parseGrowth(text: string): Growth {
  return text.startsWith('+') ? { addBytes: parseVolumeSize(text.slice(1)) } : { toBytes: parseVolumeSize(text) }
}

export interface ResizeRequest {
  volume: string
  size: Growth
  /** Default 0, where the filesystem is. */
  diskIndex?: number
  dryRun?: boolean
  onTask?: CallOptions['onTask']
}

export interface ResizeResult {
  volume: Volume
  fromBytes: number
  toBytes: number
  /** The filesystem was grown too, as it is mounted here. */
  filesystemGrown: boolean
  /** What is still to be done, in words; empty when nothing is. */
  remaining: string[]
  planned?: string[]
}

/**
 * Grows a disk, the kernel's view of it where it is attached here, and the filesystem where it is mounted here.
 * The same size again only does what is missing of the rest. Throws EACSSHRINK (usage).
 */
export async function resizeVolume(context: VolumeContext, request: ResizeRequest): Promise<ResizeResult> {
  const found = await findVolume(context, request.volume)
  return withVolumeLock(context, found.group.uuid, 'resize', async () => {
    const before = await findVolume(context, found.group.uuid)
    const { diskIndex = 0 } = request
    const fromBytes = diskAt(before, diskIndex).sizeBytes
    const toBytes = 'toBytes' in request.size ? request.size.toBytes : fromBytes + request.size.addBytes
    checkGrowth(before, fromBytes, toBytes)
    const here = diskIndex === 0 ? await findHere(context, before) : undefined
    const common = { fromBytes, toBytes }
    if (request.dryRun)
      return {
        ...common,
        volume: before,
        filesystemGrown: false,
        remaining: [],
        planned: planGrowth(before, here, common),
      }

    if (toBytes > fromBytes) {
      announceStep(context, `growing ${nameOf(before)} from ${formatSize(fromBytes)} to ${formatSize(toBytes)}`)
      await context.prism.resizeDisk(before.group.uuid, diskIndex, toBytes, {
        deadline: context.deadline,
        ...(request.onTask ? { onTask: request.onTask } : {}),
      })
    } else note(context, `volume ${nameOf(before)} has ${formatSize(toBytes)} already`)
    const filesystemGrown = await growHere(context, here).catch((error: unknown) => {
      throw partly(before, toBytes, error)
    })
    const volume = await findVolume(context, before.group.uuid)
    return { ...common, volume, filesystemGrown, remaining: filesystemGrown ? [] : remains(volume, here, diskIndex) }
  })
}

function checkGrowth(volume: Volume, fromBytes: number, toBytes: number): void {
  const details = { uuid: volume.group.uuid, sizeBytes: fromBytes }
  if (volume.trailer?.snap)
    throw new AcsError('conflict', 'EACSSNAPSHOT', `${nameOf(volume)} is a snapshot and stays as it is`, { details })
  refuseTrashed(volume)
  if (toBytes < fromBytes)
    throw new AcsError(
      'usage',
      'EACSSHRINK',
      `volume ${nameOf(volume)} has ${formatSize(fromBytes)} and can only grow`,
      {
        hints: ['To make a smaller one, create a new volume and copy the files'],
        details,
      },
    )
  if (toBytes > maxVolumeBytes)
    throw new AcsError('usage', 'EACSSIZE', `a volume can have at most ${formatSize(maxVolumeBytes)}`, { details })
}

/** Makes this machine see the new size; true when the filesystem has it too. */
async function growHere(context: VolumeContext, here: Here | undefined): Promise<boolean> {
  if (!here?.disk) return false
  await here.initiator.refreshSize(here.disk, context.deadline)
  const [mount] = here.mounts
  if (!mount || !isGrowable(mount.filesystem) || mount.options.includes('ro')) return false
  announceStep(context, `growing the ${mount.filesystem} filesystem at ${mount.mountPoint}`)
  await context.host.growFilesystem(
    { devicePath: here.disk.devicePath, mountPoint: mount.mountPoint, type: mount.filesystem },
    context.deadline,
  )
  return true
}

/** The disk has grown and the rest has not: the same command again does the rest. */
function partly(volume: Volume, toBytes: number, error: unknown): unknown {
  if (!isAcsError(error) || error.kind === 'interrupted') return error
  const size = formatSize(toBytes)
  return new AcsError(
    'partial',
    'EACSGROW',
    `volume ${nameOf(volume)} has ${size} now, but its filesystem here was not grown: ${error.message}`,
    {
      hints: [...error.hints, `Try the rest again: acs volume resize ${printable(volume.group.name)} ${toBytes}`],
      details: { ...error.details, uuid: volume.group.uuid, sizeBytes: toBytes },
      cause: error,
    },
  )
}

function isGrowable(filesystem: string): filesystem is FilesystemType {
  return filesystem === 'ext4' || filesystem === 'xfs' || filesystem === 'btrfs'
}

function remains(volume: Volume, here: Here | undefined, diskIndex: number): string[] {
  const name = printable(volume.group.name)
  if (diskIndex !== 0) return ['the machine that uses the disk must look at its size again']
  // Not formatted yet: mkfs takes the whole disk.
  if (volume.trailer?.fmt) return []
  if (here?.mounts.length)
    return [`mounted read-only: the filesystem at ${here.mounts[0]?.mountPoint ?? ''} was not grown`]
  const size = diskAt(volume).sizeBytes
  const again = `acs volume resize ${name} ${size}`
  const hold = holdOf(volume, here?.me ?? { hostName: '', bootId: '', initiatorName: '' })
  if (hold.kind === 'other' || hold.kind === 'vm')
    return [`the filesystem is in use by ${describeHold(hold)}: run there: ${again}`]
  return [`the filesystem grows when it is mounted: acs volume mount ${name}, then ${again}`]
}

function planGrowth(volume: Volume, here: Here | undefined, size: { fromBytes: number; toBytes: number }): string[] {
  const grow = size.toBytes > size.fromBytes
  return [
    ...(grow ? [`grow ${nameOf(volume)} from ${formatSize(size.fromBytes)} to ${formatSize(size.toBytes)}`] : []),
    ...(here?.disk ? [`make this machine see the new size of ${here.disk.devicePath}`] : []),
    ...(here?.mounts[0] ? [`grow the filesystem at ${here.mounts[0].mountPoint}`] : []),
  ]
}
