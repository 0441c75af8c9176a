import { rm } from 'node:fs/promises'
import { AcsError, isAcsError, messageOf } from '../../base/errors.js'
import { writeDurably } from '../../base/durable-file.js'
import type { Deadline } from '../../base/deadline.js'
import type { DiskAddress, Runner } from '../host.js'
import { findProcesses, signalProcess, waitForEnd, type ProcessIdentity } from '../processes.js'
import type { DiskFolder } from './disk-folder.js'
import { loginError } from './identity.js'
import { qmp } from './qmp.js'

const nodeName = 'disk'
const exportName = 'fuse'

export interface StartDaemon {
  folder: DiskFolder
  disk: DiskAddress
  initiatorName: string
  /** Seconds after which QEMU takes a request for lost and reconnects. */
  requestTimeoutS: number
}

/**
 * Starts qemu-storage-daemon on the disk and returns once its FUSE export lies over the export file.
 * `--daemonize` gives it a session of its own, so that it outlives acs, and reports a failed login by
 * exit code and stderr. The CHAP secret is read from a 0600 file that is gone again when this returns.
 */
export async function startDaemon(runner: Runner, request: StartDaemon, deadline: Deadline): Promise<void> {
  const { folder, disk, initiatorName } = request
  const chap = disk.chap
  if (chap) await writeDurably(folder.secretFile, chap.secret)
  try {
    await runner.run(
      'qemu-storage-daemon',
      [
        '--daemonize',
        '--pidfile',
        folder.pidFile,
        ...(chap ? ['--object', `secret,id=chap,file=${escapeValue(folder.secretFile)}`] : []),
        '--chardev',
        `socket,id=qmp,path=${escapeValue(folder.qmpSocket)},server=on,wait=off`,
        '--monitor',
        'chardev=qmp',
        '--blockdev',
        JSON.stringify({
          driver: 'iscsi',
          'node-name': nodeName,
          transport: 'tcp',
          portal: disk.portal,
          target: disk.targetName,
          lun: disk.lun,
          'initiator-name': initiatorName,
          timeout: request.requestTimeoutS,
          discard: 'unmap',
          cache: { direct: true, 'no-flush': false },
          ...(chap ? { user: chap.username, 'password-secret': 'chap' } : {}),
        }),
        '--export',
        JSON.stringify({
          type: 'fuse',
          id: exportName,
          'node-name': nodeName,
          mountpoint: folder.exportFile,
          writable: true,
          growable: false,
          'allow-other': 'off',
        }),
      ],
      { deadline, timeoutMs: 30_000 },
    )
  } catch (error) {
    throw isAcsError(error, 'EACSCOMMAND') && error.message.includes("Unknown driver 'iscsi'")
      ? iscsiModuleMissing(error)
      : loginError(error, disk, initiatorName)
  } finally {
    await rm(folder.secretFile, { force: true })
  }
}

/** The daemons of a disk folder by their argv: normally one, none after a crash; never by the pid file alone. */
export async function findDaemons(procRoot: string, folder: Pick<DiskFolder, 'pidFile'>): Promise<ProcessIdentity[]> {
  return findProcesses(procRoot, (argv) => isDaemon(argv) && pidFileOf(argv) === folder.pidFile)
}

export function isDaemon(argv: readonly string[]): boolean {
  return argv[0]?.endsWith('qemu-storage-daemon') ?? false
}

/** The `--pidfile` in a daemon's argv: tells whose it is. */
export function pidFileOf(argv: readonly string[]): string | undefined {
  const at = argv.indexOf('--pidfile')
  return at < 0 ? undefined : argv[at + 1]
}

/** Ends a daemon without its goodbye: all I/O that waits for it fails at once and can never reach the disk. */
export async function killDaemon(procRoot: string, daemon: ProcessIdentity, deadline: Deadline): Promise<void> {
  await signalProcess(procRoot, daemon, 'SIGKILL')
  if (await waitForEnd(procRoot, daemon, deadline.atMost(5_000))) return
  throw new AcsError('failed', 'EACSDAEMON', `the storage daemon ${daemon.pid} does not end, even after SIGKILL`, {
    details: { pid: daemon.pid },
  })
}

/**
 * Ends a daemon: QMP `quit` (logs out of the target), TERM when that takes too long, KILL at the end.
 * The caller has taken the loop device away, so that nothing is in flight.
 */
export async function endDaemon(
  procRoot: string,
  daemon: ProcessIdentity,
  folder: DiskFolder,
  deadline: Deadline,
): Promise<void> {
  // A daemon whose session is gone waits for I/O that cannot end, and does not answer: bounded, then by signal.
  await qmp(folder.qmpSocket, [{ execute: 'quit' }], deadline.atMost(5_000)).catch((error: unknown) => {
    if (!isAcsError(error)) throw error
  })
  if (await waitForEnd(procRoot, daemon, deadline.atMost(5_000))) return
  await signalProcess(procRoot, daemon, 'SIGTERM')
  if (await waitForEnd(procRoot, daemon, deadline.atMost(2_000))) return
  await killDaemon(procRoot, daemon, deadline)
}

/** Makes the daemon, and with it the export file, take on the size the disk has grown to. */
export async function resizeNode(folder: DiskFolder, sizeBytes: number, deadline: Deadline): Promise<void> {
  await qmp(
    folder.qmpSocket,
    [{ execute: 'block_resize', arguments: { 'node-name': nodeName, size: sizeBytes } }],
    deadline.atMost(15_000),
  )
}

/** Whether the daemon has the iSCSI driver and FUSE exports; an EACS... error for what it lacks. */
export async function daemonLacks(runner: Runner, deadline: Deadline): Promise<Error | undefined> {
  // Names no portal: a daemon with the driver complains of that and ends at once.
  const { stderr } = await runner.run(
    'qemu-storage-daemon',
    ['--blockdev', JSON.stringify({ driver: 'iscsi', 'node-name': nodeName })],
    { deadline, timeoutMs: 10_000, okExitCodes: [0, 1] },
  )
  if (/Unknown driver 'iscsi'|does not accept value 'iscsi'|module/i.test(stderr)) return iscsiModuleMissing(undefined)
  const help = await runner.run('qemu-storage-daemon', ['--help'], { deadline, timeoutMs: 10_000 })
  if (!help.stdout.includes('type=]fuse'))
    return new AcsError('precondition', 'EACSNOFUSE', 'this qemu-storage-daemon has no FUSE exports')
  return undefined
}

/** A comma in a value of QEMU's option syntax is doubled. */
function escapeValue(value: string): string {
  return value.replaceAll(',', ',,')
}

function iscsiModuleMissing(cause: unknown): AcsError {
  return new AcsError('precondition', 'EACSTOOLMISSING', `qemu-storage-daemon lacks its iSCSI driver`, {
    cause,
    hints: ['apt-get install qemu-block-extra'],
    details: {
      tool: 'block-iscsi.so',
      package: 'qemu-block-extra',
      cause: cause === undefined ? undefined : messageOf(cause),
    },
  })
}
