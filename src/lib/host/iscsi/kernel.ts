import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError, isAcsError } from '../../base/errors.js'
import { noDeadline, type Deadline } from '../../base/deadline.js'
import { assertUnused, deviceSize, flushDevice } from '../blockdev.js'
import type { HostLog } from '../exec.js'
import type { AttachedDisk, DiskAddress, DiskSession, Initiator, Runner } from '../host.js'
import type { Locks } from '../lock.js'
import { noCheckpoint, type Checkpoint, type HostRoots } from '../roots.js'
import { describeDisk } from './attached-disk.js'
import { assertRightDisk, sameSerial } from './identity.js'
import { readRecords, removeRecord, shortHash, writeRecord, type DiskRecord } from './kernel-records.js'
import { isIscsiName, parseInitiatorName } from './initiator-name.js'
import { deleteNodeRecord, ensureNodeRecord, login, logout } from './iscsiadm.js'
import { assertSameSize, flushMultipath, multipathOver, resizeMultipath, settleMultipath } from './multipath.js'
import {
  deviceSerial,
  findDevice,
  removeDevice,
  rescanDevice,
  setOffline,
  scanLun,
  sessionDevices,
  type ScsiDevice,
} from './scsi-device.js'
import { rootLacks } from './not-root.js'
import { findSession, readSessions, type KernelSession } from './sessions.js'

export interface KernelInitiatorOptions {
  runner: Runner
  locks: Locks
  roots: HostRoots
  runtimeFolder: string
  /** Survives a boot, as open-iscsi's node records do. */
  stateFolder: string
  log?: HostLog
  checkpoint?: Checkpoint
}

type Address = DiskRecord

/**
 * open-iscsi: iscsid and the kernel's iscsi_tcp. Sessions and disks are read from sysfs, and only what a
 * record in the runtime folder says that acs attached is ever taken for ours.
 *
 * Tested on a made-up sysfs and against real iscsiadm for its records and exit codes. Seen on Linux 6.1 with open-iscsi
 * 2.1.8 against the simulator: login with redirect, CHAP, scan, growth in use, removal, logout. Not seen: multipath.
 */
export function createKernelInitiator(options: KernelInitiatorOptions): Initiator {
  const { runner, locks, roots } = options
  const checkpoint = options.checkpoint ?? noCheckpoint
  const recordFolder = join(options.runtimeFolder, 'kernel')
  /** Whose node records are acs's: those of a machine that died are still there when it boots again. */
  const nodeFolder = join(options.stateFolder, 'node-records')

  async function attach(disk: DiskAddress, deadline: Deadline): Promise<AttachedDisk> {
    return withTarget(disk, deadline, async () => {
      await writeRecord(recordFolder, disk)
      await checkpoint('attach:before-login')
      try {
        const session = await ensureSession(disk, deadline)
        await checkpoint('attach:after-login')
        const device = await rightDevice(session, disk, deadline)
        await checkpoint('attach:after-scan')
        return await describe(disk, await settle(device, deadline))
      } catch (error) {
        await undoAttach(disk, error)
        throw error
      }
    })
  }

  /** The deadline may be what failed: undoing gets time of its own, and the first error stays. */
  async function undoAttach(disk: DiskAddress, error: unknown): Promise<void> {
    try {
      await takeDown(disk, noDeadline.atMost(30_000))
    } catch (undoError) {
      options.log?.warn(
        { targetName: disk.targetName, error: String(error), undoError: String(undoError) },
        'undo failed',
      )
    }
  }

  /** One acs at a time per target: two logins at once give two sessions (open-iscsi issue 108). */
  function withTarget<T>(target: Address, deadline: Deadline, action: () => Promise<T>): Promise<T> {
    const name = `target-${shortHash(target.targetName)}`
    return locks.within(join(options.runtimeFolder, 'locks', name), deadline, action)
  }

  async function ensureSession(disk: DiskAddress, deadline: Deadline): Promise<KernelSession> {
    if (!findSession(await readSessions(roots), disk)) {
      await writeRecord(nodeFolder, disk)
      await withNodeDatabase(deadline, () => ensureNodeRecord(runner, roots, disk, deadline))
      await checkpoint('attach:after-record')
      await login(runner, disk, deadline)
    }
    const limit = deadline.atMost(30_000)
    for (;;) {
      const session = findSession(await readSessions(roots), disk)
      if (session?.state === 'LOGGED_IN') return session
      if (limit.remainingMs() < 100)
        throw new AcsError(
          'timeout',
          'EACSSESSION',
          session
            ? `the session to ${disk.targetName} is ${session.state} and does not come back`
            : `iscsiadm logged in to ${disk.targetName}, but the kernel shows no session`,
          { hints: ['iscsiadm -m session -P 1', 'journalctl -u iscsid'], details: { targetName: disk.targetName } },
        )
      await limit.sleep(100, `waiting for the session to ${disk.targetName}`)
    }
  }

  /** Serialises what writes /etc/iscsi/nodes: the database's own lock gives up instead of waiting. */
  function withNodeDatabase<T>(deadline: Deadline, action: () => Promise<T>): Promise<T> {
    return locks.within(join(options.runtimeFolder, 'locks', 'node-database'), deadline, action)
  }

  /**
   * The LUN's device, proven by serial and size. What the kernel remembers of a LUN number may be of
   * another disk that had it before: read again, then remove and scan anew, then refuse.
   */
  async function rightDevice(session: KernelSession, disk: DiskAddress, deadline: Deadline): Promise<ScsiDevice> {
    const known = await findDevice(session, disk.lun)
    if (known?.blockName !== undefined) {
      if (await isRight(known, disk)) return known
      await rescanDevice(runner, known, deadline)
      if (await isRight(known, disk)) return known
    }
    if (known) {
      if (known.blockName !== undefined)
        await assertUnused(roots, devicePathOf(known.blockName), `replace the stale LUN ${disk.lun}`, deadline)
      await removeDevice(runner, known, deadline)
    }
    const device = await scanUntilFound(session, disk, deadline)
    const serial = (await deviceSerial(device)) ?? ''
    assertRightDisk(disk, { serial, sizeBytes: await deviceSize(roots, devicePathOf(device.blockName)) })
    return device
  }

  async function isRight(device: ScsiDevice, disk: DiskAddress): Promise<boolean> {
    if (device.blockName === undefined || !sameSerial((await deviceSerial(device)) ?? '', disk.serial)) return false
    return (await deviceSize(roots, devicePathOf(device.blockName))) === disk.sizeBytes
  }

  async function scanUntilFound(
    session: KernelSession,
    disk: DiskAddress,
    deadline: Deadline,
  ): Promise<ScsiDevice & { blockName: string }> {
    const limit = deadline.atMost(30_000)
    const startedAt = performance.now()
    // A target may show a new LUN late; scans after 4, 9 and 16 s as os-brick does.
    const scansAfterMs = [0, 4_000, 9_000, 16_000]
    for (;;) {
      if (performance.now() - startedAt >= (scansAfterMs[0] ?? Infinity)) {
        scansAfterMs.shift()
        await scanLun(runner, roots, session, disk.lun, limit)
      }
      const device = await findDevice(session, disk.lun)
      if (device?.blockName !== undefined) return { ...device, blockName: device.blockName }
      if (limit.remainingMs() < 100)
        throw new AcsError('not-found', 'EACSNOLUN', `${disk.targetName} shows no LUN ${disk.lun}`, {
          hints: ['Check that the disk is in the volume group: acs volume show'],
          details: { targetName: disk.targetName, lun: disk.lun, session: session.name },
        })
      await limit.sleep(50, `waiting for LUN ${disk.lun} of ${disk.targetName}`)
    }
  }

  /** The path, or the multipath map that has taken it. */
  async function settle(device: ScsiDevice, deadline: Deadline): Promise<string> {
    const name = blockNameOf(device)
    const map = await settleMultipath(roots, name, deadline)
    if (!map) return name
    await assertSameSize(roots, map, name)
    return map.blockName
  }

  async function detach(disk: Address, deadline: Deadline): Promise<void> {
    await withTarget(disk, deadline, () => takeDown(disk, deadline))
  }

  /** Device, then session, then node record, then ours; every step may be found done already. */
  async function takeDown(disk: Address, deadline: Deadline): Promise<void> {
    const session = findSession(await readSessions(roots), disk)
    if (session) {
      const device = await findDevice(session, disk.lun)
      if (device) await takeDeviceDown(device, disk, deadline)
      await checkpoint('detach:after-device')
      // Whoever's LUNs are left, the session is theirs now.
      if ((await sessionDevices(session)).length > 0) {
        await removeRecord(recordFolder, disk)
        return
      }
      await logout(runner, disk, deadline)
      await checkpoint('detach:after-logout')
    }
    await withNodeDatabase(deadline, () => deleteNodeRecord(runner, disk, deadline))
    await removeRecord(nodeFolder, disk)
    await removeRecord(recordFolder, disk)
  }

  async function takeDeviceDown(device: ScsiDevice, disk: Address, deadline: Deadline): Promise<void> {
    const doing = `detach ${disk.targetName} LUN ${disk.lun}`
    if (device.blockName !== undefined) {
      const path = devicePathOf(device.blockName)
      const map = await multipathOver(roots, device.blockName)
      if (map) {
        await assertUnused(roots, devicePathOf(map.blockName), doing, deadline)
        await flush(devicePathOf(map.blockName), deadline)
        await flushMultipath(runner, map, deadline)
        await waitUntil(
          async () => !(await multipathOver(roots, device.blockName ?? '')),
          `${map.mapName} to go`,
          deadline,
        )
      }
      await assertUnused(roots, path, doing, deadline)
      // Through a map nothing was ever written to the path itself.
      if (!map) await flush(path, deadline)
    }
    await removeDevice(runner, device, deadline)
    await waitUntil(() => isGone(device.folder), `${device.address} to go`, deadline)
  }

  /** Nothing is mounted: data is out. A flush that fails means a lost session, and the disk must come off all the same. */
  async function flush(devicePath: string, deadline: Deadline): Promise<void> {
    try {
      await flushDevice(runner, devicePath, deadline.atMost(60_000))
    } catch (error) {
      if (!isAcsError(error) || error.kind === 'interrupted' || error.kind === 'precondition') throw error
      options.log?.warn({ device: devicePath, error: error.message }, 'the device could not be flushed')
    }
  }

  async function attached(): Promise<AttachedDisk[]> {
    const sessions = await readSessions(roots)
    const found: AttachedDisk[] = []
    for (const record of await readRecords(recordFolder)) {
      const session = findSession(sessions, record)
      const device = session ? await findDevice(session, record.lun) : undefined
      if (device?.blockName === undefined) continue
      const map = await multipathOver(roots, device.blockName)
      found.push(await describe(record, map?.blockName ?? device.blockName))
    }
    return found
  }

  async function refreshSize(disk: AttachedDisk, deadline: Deadline): Promise<number> {
    const session = (await readSessions(roots)).find((each) => each.targetName === disk.targetName)
    const device = session ? await findDevice(session, disk.lun) : undefined
    if (!device)
      throw new AcsError('not-found', 'EACSNOTATTACHED', `${disk.targetName} LUN ${disk.lun} is not attached here`)
    await rescanDevice(runner, device, deadline)
    const name = blockNameOf(device)
    const map = await multipathOver(roots, name)
    if (map) await resizeMultipath(runner, map, deadline)
    return deviceSize(roots, devicePathOf(map?.blockName ?? name))
  }

  /** An offline SCSI device fails new I/O; what is in flight fails when the session's replacement timeout ends it. */
  async function failIo(disk: Address, deadline: Deadline): Promise<void> {
    const session = findSession(await readSessions(roots), disk)
    const device = session ? await findDevice(session, disk.lun) : undefined
    if (device) await setOffline(runner, device, deadline)
  }

  /**
   * Attaches that never got their device, sessions of ours without any LUN, and node records of ours from before this boot: each
   * looked at, and given to `found`, under the lock of its target. What somebody is at work on is none.
   */
  async function forLeftovers(
    deadline: Deadline,
    found: (record: DiskRecord, what: string) => void | Promise<void>,
  ): Promise<void> {
    const look = async (record: DiskRecord, work: () => Promise<void>): Promise<void> => {
      try {
        await withTarget(record, deadline.atMost(500), work)
      } catch (error) {
        if (!isAcsError(error, 'EACSLOCKED')) throw error
      }
    }
    for (const record of await readRecords(recordFolder))
      await look(record, async () => {
        const session = findSession(await readSessions(roots), record)
        if (session && (await findDevice(session, record.lun))) return
        await found(record, `${session ? 'session and ' : ''}record of ${record.targetName} LUN ${record.lun}`)
      })
    for (const record of await readRecords(nodeFolder))
      await look(record, async () => {
        const ofThisBoot = (await readRecords(recordFolder)).some(({ targetName }) => targetName === record.targetName)
        if (ofThisBoot || findSession(await readSessions(roots), record)) return
        await found(record, `node record of ${record.targetName}, of an earlier boot`)
      })
  }

  async function sweep(deadline: Deadline): Promise<string[]> {
    const removed: string[] = []
    await forLeftovers(deadline, async (record, what) => {
      await takeDown(record, deadline)
      removed.push(what)
    })
    return removed
  }

  async function leftovers(deadline: Deadline): Promise<string[]> {
    const found: string[] = []
    await forLeftovers(deadline, (_record, what) => void found.push(what))
    return found
  }

  async function sessions(): Promise<DiskSession[]> {
    const known = await readSessions(roots)
    return (await readRecords(recordFolder)).map((record) => ({
      ...record,
      state: stateOf(findSession(known, record)),
    }))
  }

  function stateOf(session: KernelSession | undefined): DiskSession['state'] {
    if (!session) return 'gone'
    return session.state === 'LOGGED_IN' ? 'up' : 'down'
  }

  async function describe(disk: Address, blockName: string): Promise<AttachedDisk> {
    return describeDisk(roots, disk, devicePathOf(blockName), 'kernel')
  }

  function devicePathOf(blockName: string): string {
    return join(roots.dev, blockName)
  }

  return {
    kind: 'kernel',
    missing: (deadline) => missing(runner, roots, deadline),
    name: () => kernelInitiatorName(roots),
    attach,
    detach,
    attached,
    refreshSize,
    failIo,
    sweep,
    leftovers,
    sessions,
  }
}

async function kernelInitiatorName(roots: HostRoots): Promise<string> {
  const path = join(roots.etc, 'iscsi', 'initiatorname.iscsi')
  const name = parseInitiatorName(await readFile(path, 'utf8').catch(() => ''))
  if (name !== undefined && isIscsiName(name)) return name
  throw new AcsError('precondition', 'EACSINITIATORNAME', `${path} gives no InitiatorName`, {
    hints: ['apt-get install open-iscsi', `echo "InitiatorName=$(iscsi-iname)" > ${path}`],
  })
}

async function missing(runner: Runner, roots: HostRoots, deadline: Deadline): Promise<Error[]> {
  const errors = rootLacks()
  const checks = [
    () => runner.run('iscsiadm', ['--version'], { deadline }),
    () => kernelInitiatorName(roots),
    () => assertKernelHasIscsi(runner, roots, deadline),
  ]
  for (const check of checks) {
    try {
      await check()
    } catch (error) {
      if (!isAcsError(error) || error.kind !== 'precondition') throw error
      errors.push(error)
    }
  }
  return errors
}

async function assertKernelHasIscsi(runner: Runner, roots: HostRoots, deadline: Deadline): Promise<void> {
  if (!(await isGone(join(roots.sysfs, 'module', 'iscsi_tcp')))) return
  // Loads nothing; iscsid does that at the first login.
  const { exitCode } = await runner
    .run('modprobe', ['--dry-run', '--quiet', 'iscsi_tcp'], { deadline, okExitCodes: [0, 1] })
    .catch((error: unknown) => {
      if (isAcsError(error, 'EACSTOOLMISSING')) return { exitCode: 1 }
      throw error
    })
  if (exitCode === 0) return
  throw new AcsError('precondition', 'EACSNOKERNELISCSI', 'the kernel has no iscsi_tcp', {
    hints: ['modprobe iscsi_tcp', 'Use the userspace initiator: apt-get install qemu-system-common qemu-block-extra'],
  })
}

async function waitUntil(done: () => Promise<boolean>, what: string, deadline: Deadline): Promise<void> {
  const limit = deadline.atMost(20_000)
  for (let pauseMs = 5; !(await done()); pauseMs = Math.min(pauseMs * 2, 200))
    await limit.sleep(pauseMs, `waiting for ${what}`)
}

async function isGone(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    () => true,
  )
}

function blockNameOf(device: ScsiDevice): string {
  if (device.blockName !== undefined) return device.blockName
  throw new AcsError('failed', 'EACSNODEVICE', `SCSI device ${device.address} has no block device`)
}
