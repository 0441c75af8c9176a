import { randomUUID } from 'node:crypto'
import { chmod, chown, rmdir } from 'node:fs/promises'
import { ensureFolder } from '../base/durable-file.js'
import { AcsError, isAcsError } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import type { AttachedDisk, FilesystemType, Initiator } from '../host/host.js'
import { forgetHolds, rememberedHolds } from './attach-record.js'
import { changeVolume, without, withRecord } from './change.js'
import { announceStep, note, warn, type Me, type VolumeContext } from './context.js'
import { dataServicesPortal, diskAddress } from './disk-address.js'
import { claim, release, revokeAll, share } from './exclusive.js'
import { holdOf } from './holder.js'
import type { Journal, JournalStep } from './journal.js'
import { defaultMountPoint } from './mount-point.js'
import { printable } from './names.js'
import type { Finding } from './observe.js'
import { admitReaders, claimForReaders, joinReaders } from './readers.js'
import { targetName } from './target-name.js'
import type { Trailer } from './trailer.js'
import { diskAt, nameOf, type Volume } from './volume.js'

/** What the steps of one attach, mount, unmount or detach work on. */
export interface Work {
  journal: Journal
  me: Me
  initiator: Initiator
  /** As last observed; a step that changes it replaces it. */
  finding: Finding
  mountPoint: string
  readOnly: boolean
  mountOptions: readonly string[]
}

export interface StepWork {
  run: (context: VolumeContext, work: Work) => Promise<void>
  /** Takes back what `run` did, or began to do. */
  undo?: (context: VolumeContext, work: Work) => Promise<void>
  /** `undo` also when `run` failed half way; elsewhere a failed `run` leaves nothing, or nothing we may touch. */
  undoWhenFailed?: boolean
  /** Earlier steps that are not taken back once this one has begun. */
  settles?: readonly JournalStep[]
  /** For `--dry-run` and progress. */
  words: (work: Work) => string
}

/** Every step that works on this machine or on who may write. */
export const stepWork: Partial<Record<JournalStep, StepWork>> = {
  revoke: {
    words: ({ finding }) => `revoke all access to volume ${nameOf(finding.volume)}`,
    async run(context, work) {
      work.finding.volume = await revokeAll(context, uuidOf(work))
    },
  },

  claim: {
    words: ({ finding, me }) => `allow only ${me.initiatorName} (this machine) to use volume ${nameOf(finding.volume)}`,
    async run(context, work) {
      work.finding.volume = await claim(context, uuidOf(work), work.me, 'write', work.finding.volume)
    },
    undo: releaseMine,
  },

  share: {
    words: ({ finding, me }) => `allow ${me.initiatorName} (this machine) too to use volume ${nameOf(finding.volume)}`,
    async run(context, work) {
      work.finding.volume = await share(context, uuidOf(work), work.me)
    },
    undo: releaseMine,
  },

  'claim-for-readers': {
    words: ({ finding, me }) =>
      `allow only ${me.initiatorName} (this machine) to use volume ${nameOf(finding.volume)}, until it is mounted`,
    async run(context, work) {
      work.finding.volume = await claimForReaders(context, uuidOf(work), work.me)
    },
    undo: releaseMine,
  },

  'join-readers': {
    words: ({ finding, me }) => `allow ${me.initiatorName} (this machine) too to read volume ${nameOf(finding.volume)}`,
    async run(context, work) {
      work.finding.volume = await joinReaders(context, uuidOf(work), work.me)
    },
    undo: releaseMine,
  },

  'admit-readers': {
    words: ({ finding }) => `let others read volume ${nameOf(finding.volume)} too`,
    async run(context, work) {
      await refuseWritable(context, work)
      work.finding.volume = await admitReaders(context, uuidOf(work), work.me)
    },
  },

  'replay-journal': {
    words: () => 'let the kernel replay the journal, if a crash left something in it',
    async run(context, work) {
      const { mountPoint } = work
      const { devicePath } = diskOf(work)
      await ensureFolder(mountPoint, 0o755)
      await context.host.replayJournal({ devicePath, mountPoint, type: mountedType(work.finding) }, context.deadline)
    },
    undoWhenFailed: true,
    async undo(context, work) {
      await context.host.unmount(work.mountPoint, context.deadline, work.finding.disk?.deviceNumber)
      await removeOwnFolder(work)
    },
  },

  'attach-disk': {
    words: ({ finding }) => `log in to ${targetName(finding.volume.group)} and attach its disk 0`,
    async run(context, work) {
      const address = await diskAddress(context, work.finding.volume, work.me)
      work.finding.disk = await work.initiator.attach(address, context.deadline)
    },
    undo: detachDisk,
  },

  'start-format': {
    words: ({ finding }) => `record that volume ${nameOf(finding.volume)} is being formatted`,
    run: startFormat,
    undoWhenFailed: true,
    async undo(context, work) {
      await changeToken(context, work, (trailer, token) => ({ ...trailer, fmt: { t: token } }))
      await work.journal.learn({ format: undefined, ownerPending: undefined })
    },
  },

  'zero-device': {
    words: () => 'wipe what the interrupted mkfs of this machine left',
    async run(context, work) {
      await context.host.zeroDevice(diskOf(work).devicePath, context.deadline)
    },
  },

  'make-filesystem': {
    words: ({ finding }) => `make an ${filesystemOf(finding.volume)} filesystem on the empty disk`,
    run: makeFilesystem,
    undoWhenFailed: true,
    // Only what our own mkfs wrote is here: the device was blank, and nobody else may write.
    async undo(context, work) {
      const { devicePath } = diskOf(work)
      const content = await context.host.deviceContent(devicePath, context.deadline)
      if (content.state !== 'blank') await context.host.zeroDevice(devicePath, context.deadline)
    },
  },

  'finish-format': {
    words: ({ finding }) => `use up the permission to format volume ${nameOf(finding.volume)}`,
    // Its outcome may be unknown. Had the token gone, wiping the disk would leave a volume nobody may format.
    settles: ['start-format', 'make-filesystem'],
    async run(context, work) {
      await changeToken(context, work, (trailer) => without(trailer, 'fmt'))
      await work.journal.learn({ format: undefined })
    },
  },

  'check-filesystem': {
    words: () => 'check the filesystem',
    async run(context, work) {
      if (work.readOnly) return
      for (const message of await checkFilesystem(context, work)) warn(context, message)
    },
  },

  mount: {
    words: ({ mountPoint, readOnly }) => `mount it at ${mountPoint}${readOnly ? ' read-only' : ''}`,
    run: mountDisk,
    async undo(context, work) {
      await context.host.unmount(work.mountPoint, context.deadline, work.finding.disk?.deviceNumber)
      await removeOwnFolder(work)
    },
  },

  'set-owner': {
    words: ({ finding }) => `give the new filesystem's root to ${ownerWords(finding.volume.trailer)}`,
    async run(context, work) {
      const { uid, gid, mode } = work.finding.volume.trailer ?? {}
      if (uid !== undefined || gid !== undefined) await chown(work.mountPoint, uid ?? 0, gid ?? 0)
      if (mode !== undefined) await chmod(work.mountPoint, Number.parseInt(mode, 8))
      await work.journal.learn({ ownerPending: undefined })
    },
  },

  'fail-io': {
    words: ({ finding }) => `let the I/O of ${finding.disk?.devicePath ?? 'the disk'} fail, as the cluster refuses it`,
    async run(context, work) {
      warn(
        context,
        `this machine has lost volume ${nameOf(work.finding.volume)}: what it had not written to the disk is lost`,
      )
      const target = targetName(work.finding.volume.group)
      const disk = { portal: await dataServicesPortal(context), targetName: target, lun: 0 }
      await work.initiator.failIo?.(disk, context.deadline)
    },
  },

  unmount: {
    words: ({ finding, mountPoint }) =>
      `unmount ${finding.mounts.map((mount) => mount.mountPoint).join(' and ') || mountPoint}`,
    async run(context, work) {
      // Last mounted, first unmounted: one may be mounted inside another.
      for (const mount of [...work.finding.mounts].reverse()) {
        await context.host.unmount(mount.mountPoint, context.deadline, mount.deviceNumber)
        await removeOwnFolder(work, mount.mountPoint)
      }
      work.finding.mounts = []
    },
  },

  'detach-disk': {
    words: ({ finding }) => `flush and detach ${finding.disk?.devicePath ?? 'the disk'}, log out of its target`,
    run: detachDisk,
  },

  release: {
    words: ({ finding, me }) => `take ${me.initiatorName} off the initiators of volume ${nameOf(finding.volume)}`,
    run: releaseMine,
  },
}

/** A large filesystem's repair may take longer than a caller like Docker waits, each time anew: then someone has to let it end. */
async function checkFilesystem(context: VolumeContext, work: Work): Promise<string[]> {
  const { name } = work.finding.volume.group
  try {
    return await context.host.checkFilesystem(diskOf(work).devicePath, mountedType(work.finding), context.deadline)
  } catch (error) {
    if (!isAcsError(error, 'EACSTIMEOUT')) throw error
    throw new AcsError(
      error.kind,
      error.code,
      `the check of its filesystem takes longer than there was time: ${error.message}`,
      {
        cause: error,
        hints: [`Give it all the time it needs, by hand: acs volume mount ${printable(name)}`, ...error.hints],
        details: error.details,
      },
    )
  }
}

/** Nobody is let in to read what this machine may be writing. */
async function refuseWritable(context: VolumeContext, work: Work): Promise<void> {
  const { deviceNumber } = diskOf(work)
  const mounts = (await context.host.mounts()).filter((mount) => mount.deviceNumber === deviceNumber)
  // mountinfo's options are the mount's and the filesystem's: read-only is what both are.
  const writable = mounts.find(({ options }) => options.includes('rw') || !options.includes('ro'))
  if (mounts.length > 0 && !writable) return
  const { volume } = work.finding
  throw new AcsError(
    'conflict',
    'EACSMOUNTED',
    `volume ${nameOf(volume)} is ${writable ? `mounted for writing at ${writable.mountPoint}` : 'not mounted any more'}`,
    { hints: [`Unmount it, then mount it again: acs volume unmount ${printable(volume.group.name)}`] },
  )
}

/** Only while the hold is still ours: a clone of this machine may have taken the volume over under our name. */
async function releaseMine(context: VolumeContext, work: Work): Promise<void> {
  const remembered = await rememberedHolds(context.stateFolder, uuidOf(work))
  work.finding.volume = await release(context, uuidOf(work), work.me.initiatorName, (volume) =>
    ['mine', 'restarted', 'shared', 'reading'].includes(holdOf(volume, work.me, remembered).kind),
  )
  await forgetHolds(context.stateFolder, uuidOf(work))
}

async function detachDisk(context: VolumeContext, work: Work): Promise<void> {
  const target = targetName(work.finding.volume.group)
  await work.initiator.detach(
    { portal: await dataServicesPortal(context), targetName: target, lun: 0 },
    context.deadline,
  )
  delete work.finding.disk
}

/**
 * Writes down, here and then on the cluster, that this machine found the device blank and is about to make the
 * filesystem of that UUID. The order matters: the cluster never shows a start that this machine cannot prove.
 */
async function startFormat(context: VolumeContext, work: Work): Promise<void> {
  const { content, volume } = work.finding
  const token = volume.trailer?.fmt?.t
  if (content?.state !== 'blank' || token === undefined) throw new AcsError('bug', 'EACSBUG', 'format without proof')
  const fsUuid = randomUUID()
  const { uid, gid, mode } = volume.trailer ?? {}
  const ownerPending = uid !== undefined || gid !== undefined || mode !== undefined
  await work.journal.learn({
    format: { token, fsUuid, at: new Date().toISOString() },
    ...(ownerPending ? { ownerPending } : {}),
  })
  note(context, `volume ${nameOf(volume)} was never formatted and its disk is empty (${content.evidence.join('; ')})`)
  await changeToken(context, work, (trailer) => ({
    ...trailer,
    fmt: { t: token, u: fsUuid, b: `${work.me.hostName}/${work.me.bootId}` },
  }))
}

async function makeFilesystem(context: VolumeContext, work: Work): Promise<void> {
  const { volume } = work.finding
  const fsUuid = work.journal.facts.format?.fsUuid
  if (fsUuid === undefined || volume.trailer?.fmt?.u !== fsUuid)
    throw new AcsError('bug', 'EACSBUG', 'mkfs without a recorded start')
  const type = filesystemOf(volume)
  announceStep(context, `making an ${type} filesystem of ${formatSize(diskAt(volume).sizeBytes)}`)
  const options = splitOptions(volume.trailer.mk)
  await context.host.makeFilesystem(
    { devicePath: diskOf(work).devicePath, type, uuid: fsUuid, ...(options.length > 0 ? { options } : {}) },
    context.deadline,
  )
  work.finding.content = { state: 'filesystem', type, uuid: fsUuid, evidence: ['made by acs just now'] }
}

/** Edits the token by compare-and-swap, only while it is the one this run knows and this machine is the holder. */
async function changeToken(
  context: VolumeContext,
  work: Work,
  edit: (trailer: Trailer, token: string) => Trailer,
): Promise<void> {
  const known = work.finding.volume.trailer?.fmt
  work.finding.volume = await changeVolume(context, uuidOf(work), (volume) => {
    const { fmt, h } = volume.trailer ?? {}
    if (!known || fmt?.t !== known.t || fmt.u !== known.u || h?.b !== work.me.bootId || h.i !== work.me.initiatorName)
      throw new AcsError(
        'conflict',
        'EACSCHANGED',
        `volume ${nameOf(volume)} was changed by someone else while this machine was formatting it`,
        { hints: [`Look: acs volume explain ${volume.group.name}`], details: { uuid: volume.group.uuid } },
      )
    return { description: withRecord(volume, (trailer) => edit(trailer, known.t)) }
  })
}

async function mountDisk(context: VolumeContext, work: Work): Promise<void> {
  const { mountPoint, readOnly } = work
  const { hold } = work.finding
  const reading = hold.kind === 'reading' || (hold.kind === 'mine' && hold.opening)
  const type = mountedType(work.finding)
  await ensureFolder(mountPoint, 0o755)
  // A clone has its source's filesystem UUID, and xfs refuses a second one of those. The disk's identity is
  // proven by its serial already.
  const own = [...(type === 'xfs' ? ['nouuid'] : []), ...(reading ? [withoutReplay[type]] : [])]
  const options = [...work.mountOptions, ...own]
  try {
    await context.host.mount(
      { devicePath: diskOf(work).devicePath, mountPoint, type, readOnly, ...(options.length > 0 ? { options } : {}) },
      context.deadline,
    )
  } catch (error) {
    await removeOwnFolder(work)
    throw error
  }
}

/** A read-only mount would replay a journal, and so write while others read: ext4(5), xfs(5), btrfs(5). */
const withoutReplay = { ext4: 'noload', xfs: 'norecovery', btrfs: 'norecovery' } as const

/** Removes the folder acs made for a mount point of its own, when it is empty. */
async function removeOwnFolder(work: Work, mountPoint = work.mountPoint): Promise<void> {
  if (mountPoint !== defaultMountPoint(work.finding.volume)) return
  try {
    await rmdir(mountPoint)
  } catch (error) {
    // Not empty, in use, or gone: it stays as it is.
    if (isAcsError(error)) throw error
  }
}

export function filesystemOf(volume: Volume): FilesystemType {
  return volume.trailer?.fs ?? 'ext4'
}

/** The filesystem that is on the disk, which for a group acs did not make only the probe knows. */
function mountedType({ content, volume }: Finding): FilesystemType {
  if (content?.state !== 'filesystem') return filesystemOf(volume)
  const { type } = content
  return type === 'ext4' || type === 'xfs' || type === 'btrfs' ? type : filesystemOf(volume)
}

/** Options as stored: separated by spaces. */
export function splitOptions(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((option) => option !== '')
}

function ownerWords(trailer: Trailer | undefined): string {
  const { uid, gid, mode } = trailer ?? {}
  const owner = uid === undefined && gid === undefined ? [] : [`${uid ?? 0}:${gid ?? 0}`]
  return [...owner, ...(mode === undefined ? [] : [`mode ${mode}`])].join(', ') || 'root'
}

function uuidOf(work: Work): string {
  return work.finding.volume.group.uuid
}

function diskOf(work: Work): AttachedDisk {
  if (work.finding.disk) return work.finding.disk
  throw new AcsError('bug', 'EACSBUG', 'the disk is not attached')
}
