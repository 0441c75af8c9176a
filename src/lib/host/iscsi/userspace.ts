import { AcsError, isAcsError } from '../../base/errors.js'
import { noDeadline, type Deadline } from '../../base/deadline.js'
import { together } from '../../base/together.js'
import { assertUnmounted, assertUnused, deviceSize, flushDevice } from '../blockdev.js'
import { joinControlGroups } from '../control-groups.js'
import type { HostLog } from '../exec.js'
import type { AttachedDisk, DiskAddress, DiskSession, Initiator, Runner } from '../host.js'
import type { Locks } from '../lock.js'
import { attachLoop, detachLoop, findLoops, type LoopDevice } from '../loop.js'
import { packageOf } from '../packages.js'
import type { ProcessIdentity } from '../processes.js'
import { noCheckpoint, type Checkpoint, type HostRoots } from '../roots.js'
import {
  diskFolder,
  diskFolders,
  prepareDiskFolder,
  readDescription,
  removeDiskFolder,
  type DiskDescription,
  type DiskFolder,
} from './disk-folder.js'
import { hasConnection } from '../connections.js'
import { describeDisk } from './attached-disk.js'
import { askIdentity, assertRightDisk, assertRightSize, type DiskIdentity } from './identity.js'
import { userspaceInitiatorName } from './initiator-name.js'
import { inWords, isExported, isNothing, isWhole, knownFolders, observe, type Observed } from './userspace-state.js'
import { userspaceLacks } from './userspace-requirements.js'
import { endDaemon, findDaemons, killDaemon, resizeNode, startDaemon } from './storage-daemon.js'

export interface UserspaceInitiatorOptions {
  runner: Runner
  locks: Locks
  roots: HostRoots
  stateFolder: string
  runtimeFolder: string
  log?: HostLog
  checkpoint?: Checkpoint
  /** Seconds after which QEMU takes a request for lost and reconnects. Default 15. */
  requestTimeoutS?: number
  /** Process whose control groups the daemons join, where those of acs end with acs: in a container. */
  daemonsJoin?: number
}

/**
 * The initiator for machines whose kernel has no iscsi_tcp: qemu-storage-daemon logs in, exports the disk
 * as a file through FUSE, and a loop device makes it a block device. Everything is found again from
 * /proc (the daemon's argv), mountinfo (the export) and sysfs (the loop's file).
 */
export function createUserspaceInitiator(options: UserspaceInitiatorOptions): Initiator {
  const { runner, locks, roots, runtimeFolder } = options
  const checkpoint = options.checkpoint ?? noCheckpoint

  async function attach(disk: DiskAddress, deadline: Deadline): Promise<AttachedDisk> {
    assertOneWayChap(disk)
    const folder = diskFolder(runtimeFolder, disk)
    assertSocketPath(folder)
    return locks.within(folder.lockFile, deadline, async () => {
      const initiatorName = await userspaceInitiatorName(options.stateFolder)
      // Before anything is done to what is here: the disk at that address is the volume's, and the target lets us in.
      const [identity, observed] = await together([
        askIdentity(runner, disk, initiatorName, deadline),
        observe(roots, folder),
      ])
      assertRightDisk(disk, identity)
      if (!isNothing(observed)) {
        const [loop] = observed.loops
        if (isWhole(observed) && loop && (await answers(loop, deadline))) {
          assertRightSize(disk, await refreshLoop(folder, loop, deadline))
          return describe(disk, loop.devicePath)
        }
      }
      await takeDown(folder, observed, `attach ${disk.targetName} anew`, deadline)
      return attachAnew(folder, { disk, identity, initiatorName }, deadline)
    })
  }

  /** Of a disk that has proven to be the volume's: a daemon that is killed at once leaves a login behind at most. */
  async function attachAnew(
    folder: DiskFolder,
    { disk, identity, initiatorName }: { disk: DiskAddress; identity: DiskIdentity; initiatorName: string },
    deadline: Deadline,
  ): Promise<AttachedDisk> {
    try {
      await prepareDiskFolder(folder, disk)
      await checkpoint('attach:before-daemon')
      const requestTimeoutS = options.requestTimeoutS ?? 15
      await startDaemon(runner, { folder, disk, initiatorName, requestTimeoutS }, deadline)
      await letOutlive(folder)
      await checkpoint('attach:after-daemon')
      const devicePath = await attachLoop(runner, folder.exportFile, identity.sectorBytes, deadline)
      await checkpoint('attach:after-loop')
      // What the daemon shows; the loop device took it over as it was at that moment.
      assertRightSize(disk, await deviceSize(roots, devicePath))
      return await describe(disk, devicePath)
    } catch (error) {
      await undoAttach(folder, error)
      throw error
    }
  }

  /** A container that ends takes all of its control group along; its disks' daemons must not be in there. */
  async function letOutlive(folder: DiskFolder): Promise<void> {
    const { daemonsJoin } = options
    if (daemonsJoin === undefined) return
    for (const { pid } of await findDaemons(roots.proc, folder)) await joinControlGroups(roots, pid, daemonsJoin)
  }

  /** The deadline may be what failed: undoing gets time of its own. A failure to undo is added, the first error stays. */
  async function undoAttach(folder: DiskFolder, error: unknown): Promise<void> {
    try {
      await takeDown(folder, await observe(roots, folder), 'undo a failed attach', noDeadline.atMost(30_000))
    } catch (undoError) {
      options.log?.warn({ folder: folder.path, error: String(error), undoError: String(undoError) }, 'undo failed')
    }
  }

  async function detach(disk: Pick<DiskAddress, 'targetName' | 'lun'>, deadline: Deadline): Promise<void> {
    const folder = diskFolder(runtimeFolder, disk)
    await locks.within(folder.lockFile, deadline, async () => {
      await takeDown(folder, await observe(roots, folder), `detach ${disk.targetName}`, deadline)
    })
  }

  /**
   * From any state to none, in an order that loses no data and that may be cut off and begun again anywhere.
   * A daemon that does not answer is killed first: everything that touches its disk would wait for it for ever.
   */
  async function takeDown(folder: DiskFolder, observed: Observed, doing: string, deadline: Deadline): Promise<void> {
    for (const loop of observed.loops) await assertUnmounted(roots, loop.devicePath, doing, deadline)
    const alive = observed.daemons.length > 0 && (await allAnswer(observed, deadline))
    if (alive) for (const loop of observed.loops) await assertUnused(roots, loop.devicePath, doing, deadline)
    else for (const daemon of observed.daemons) await killDaemon(roots.proc, daemon, deadline)
    await checkpoint('detach:before-loop')
    for (const loop of observed.loops) {
      if (alive) await flush(loop, deadline)
      await detachLoop(roots, runner, loop, deadline)
    }
    await checkpoint('detach:after-loop')
    if (alive) for (const daemon of observed.daemons) await endDaemon(roots.proc, daemon, folder, deadline)
    await checkpoint('detach:after-daemon')
    // A daemon that was killed leaves its mount behind, dead ("Transport endpoint is not connected").
    while (await isExported(roots, folder)) await runner.run('umount', [folder.exportFile], { deadline })
    await checkpoint('detach:after-export')
    await removeDiskFolder(folder)
  }

  async function allAnswer(observed: Observed, deadline: Deadline): Promise<boolean> {
    for (const loop of observed.loops) if (!(await answers(loop, deadline))) return false
    return true
  }

  /**
   * QEMU never gives up on a lost session: it logs in again and again, at most 30 s apart, and keeps every
   * request waiting, whatever its `timeout`; libiscsi looks at timeouts of a connected session only. Were
   * the initiator allowed again later, the old writes would go out then. Killing the daemon is what ends them.
   */
  async function failIo(disk: Pick<DiskAddress, 'targetName' | 'lun'>, deadline: Deadline): Promise<void> {
    // Without the disk's lock: whoever holds it may be waiting for this very I/O.
    const { daemons } = await observe(roots, diskFolder(runtimeFolder, disk))
    for (const daemon of daemons) await killDaemon(roots.proc, daemon, deadline)
  }

  /**
   * Nothing is mounted here, so a filesystem's data is out since its unmount. A flush that fails now means
   * a session that was revoked or lost; the disk must still come off, hence a warning and no error.
   */
  async function flush(loop: LoopDevice, deadline: Deadline): Promise<void> {
    try {
      await flushDevice(runner, loop.devicePath, deadline.atMost(60_000))
    } catch (error) {
      if (!isAcsError(error) || error.kind === 'interrupted' || error.kind === 'precondition') throw error
      options.log?.warn({ device: loop.devicePath, error: error.message }, 'the device could not be flushed')
    }
  }

  /** Whether the device answers a read that no cache can answer. */
  async function answers(loop: LoopDevice, deadline: Deadline): Promise<boolean> {
    try {
      await runner.run(
        'dd',
        [`if=${loop.devicePath}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct', 'status=none'],
        { deadline, timeoutMs: 10_000 },
      )
      return true
    } catch (error) {
      if (isAcsError(error, 'EACSCOMMAND')) return false
      if (isAcsError(error, 'EACSTIMEOUT') && deadline.remainingMs() > 0) return false
      throw error
    }
  }

  async function exportSize(folder: DiskFolder, deadline: Deadline): Promise<number> {
    // In a process of its own: stat(2) on a FUSE file waits for its daemon, and would hold one of Node's threads.
    // Not from the cache: QEMU lets the kernel keep a size for a second.
    const { stdout } = await runner.run('stat', ['--cached=never', '-c', '%s', folder.exportFile], {
      deadline,
      timeoutMs: 20_000,
    })
    return Number(stdout.trim())
  }

  /** QEMU reads the capacity anew on `block_resize`, and takes the disk's word over ours; so the current size will do. */
  async function refreshLoop(folder: DiskFolder, loop: LoopDevice, deadline: Deadline): Promise<number> {
    const before = await deviceSize(roots, loop.devicePath)
    await resizeNode(folder, before, deadline)
    if ((await exportSize(folder, deadline)) === before) return before
    await runner.run('losetup', ['--set-capacity', loop.devicePath], { deadline })
    return deviceSize(roots, loop.devicePath)
  }

  async function refreshSize(disk: AttachedDisk, deadline: Deadline): Promise<number> {
    const folder = diskFolder(runtimeFolder, disk)
    return locks.within(folder.lockFile, deadline, async () => {
      const [loop] = (await observe(roots, folder)).loops
      if (!loop) throw notAttached(disk)
      return refreshLoop(folder, loop, deadline)
    })
  }

  async function attached(): Promise<AttachedDisk[]> {
    const folders = await diskFolders(runtimeFolder)
    // One look for all: asking for each disk by itself costs the square of their number.
    const loops = await findLoops(roots, (file) => folders.some((folder) => folder.exportFile === file))
    const found = await Promise.all(
      folders.map(async (folder) => {
        const loop = loops.find(({ backingFile }) => backingFile === folder.exportFile)
        const description = loop && (await readDescription(folder))
        return description && describe(description, loop.devicePath)
      }),
    )
    return found.filter((disk) => disk !== undefined)
  }

  /** A disk whose daemon has ended. */
  async function broken(): Promise<string[]> {
    const found: string[] = []
    for (const folder of await diskFolders(runtimeFolder)) {
      const { daemons, loops } = await observe(roots, folder)
      const description = await readDescription(folder)
      if (description && loops.length > 0 && daemons.length === 0) found.push(description.targetName)
    }
    return found
  }

  async function describe(disk: DiskDescription, devicePath: string): Promise<AttachedDisk> {
    return describeDisk(roots, disk, devicePath, 'userspace')
  }

  async function sweep(deadline: Deadline): Promise<string[]> {
    const removed: string[] = []
    for (const folder of await knownFolders(roots, runtimeFolder)) {
      try {
        await locks.within(folder.lockFile, deadline.atMost(500), async () => {
          const observed = await observe(roots, folder)
          const description = await readDescription(folder)
          if (isWhole(observed)) {
            if (!(await isRevoked(observed, description, deadline))) return
            for (const daemon of observed.daemons) await killDaemon(roots.proc, daemon, deadline)
            removed.push(`I/O of ${description?.targetName ?? folder.path}, which this machine may no longer use`)
          }
          await takeDown(folder, await observe(roots, folder), 'sweep', deadline)
          removed.push(inWords(folder, observed, description))
        })
      } catch (error) {
        // Somebody works on it, or somebody still uses it: both are no leftovers.
        if (!isAcsError(error, 'EACSLOCKED') && !isAcsError(error, 'EACSBUSY')) throw error
      }
    }
    return removed
  }

  async function leftovers(deadline: Deadline): Promise<string[]> {
    const found: string[] = []
    for (const folder of await knownFolders(roots, runtimeFolder)) {
      try {
        await locks.within(folder.lockFile, deadline.atMost(500), async () => {
          const observed = await observe(roots, folder)
          if (isWhole(observed)) return
          for (const loop of observed.loops)
            await assertUnmounted(roots, loop.devicePath, 'sweep', deadline.atMost(300))
          found.push(inWords(folder, observed, await readDescription(folder)))
        })
      } catch (error) {
        if (!isAcsError(error, 'EACSLOCKED') && !isAcsError(error, 'EACSBUSY')) throw error
      }
    }
    return found
  }

  async function sessions(): Promise<DiskSession[]> {
    const found: DiskSession[] = []
    for (const folder of await diskFolders(runtimeFolder)) {
      const description = await readDescription(folder)
      const { daemons, loops } = await observe(roots, folder)
      if (description && loops.length > 0) found.push({ ...description, state: await stateOf(daemons) })
    }
    return found
  }

  async function stateOf([daemon]: readonly ProcessIdentity[]): Promise<DiskSession['state']> {
    if (!daemon) return 'gone'
    return (await hasConnection(roots.proc, daemon.pid)) ? 'up' : 'down'
  }

  /** Silent, and the target says that this initiator is not allowed. A portal that is down revokes nothing. */
  async function isRevoked(
    observed: Observed,
    description: DiskDescription | undefined,
    deadline: Deadline,
  ): Promise<boolean> {
    if (!description || (await allAnswer(observed, deadline))) return false
    const initiatorName = await userspaceInitiatorName(options.stateFolder)
    try {
      await askIdentity(runner, { ...description, serial: '', sizeBytes: 0 }, initiatorName, deadline)
      return false
    } catch (error) {
      if (isAcsError(error, 'EACSTOOLMISSING') || isAcsError(error, 'EACSINTERRUPTED')) throw error
      return isAcsError(error, 'EACSNOTALLOWED')
    }
  }

  return {
    kind: 'userspace',
    missing: (deadline) => userspaceLacks(runner, roots, deadline),
    name: () => userspaceInitiatorName(options.stateFolder),
    attach,
    detach,
    attached,
    refreshSize,
    failIo,
    broken,
    sweep,
    leftovers,
    sessions,
  }
}

function notAttached(disk: Pick<DiskAddress, 'targetName' | 'lun'>): AcsError {
  return new AcsError('not-found', 'EACSNOTATTACHED', `${disk.targetName} LUN ${disk.lun} is not attached here`, {
    details: { targetName: disk.targetName, lun: disk.lun },
  })
}

/** QEMU's iSCSI driver proves itself to the target but cannot ask the target for proof. */
function assertOneWayChap(disk: DiskAddress): void {
  if (!disk.chap?.mutual) return
  throw new AcsError('precondition', 'EACSMUTUALCHAP', 'the userspace initiator knows one-way CHAP only, not mutual', {
    hints: ['Use the kernel initiator (open-iscsi), or a volume without mutual CHAP'],
    details: { package: packageOf('iscsiadm') },
  })
}

/** A unix socket's path has 107 bytes at most, unix(7). */
function assertSocketPath(folder: DiskFolder): void {
  if (Buffer.byteLength(folder.qmpSocket) <= 107) return
  throw new AcsError(
    'precondition',
    'EACSRUNDIR',
    `the runtime folder's path is too long for a socket: ${folder.path}`,
    {
      hints: ['Set ACS_RUN_DIR to a shorter one, such as /run/acs'],
    },
  )
}
