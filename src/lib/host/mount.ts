import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError, isAcsError } from '../base/errors.js'
import { ensureFolder } from '../base/durable-file.js'
import type { Deadline } from '../base/deadline.js'
import { byDevice, deviceNumberOf, mountedElsewhere, mountHolders } from './blockdev.js'
import { exitCodeOf } from './exec.js'
import type { MountEntry, MountRequest, Runner } from './host.js'
import { mountAt, mountsOfDevice, parseMountinfo, parseMountinfoWithoutEchoes } from './mountinfo.js'
import type { HostRoots } from './roots.js'

export interface MountContext {
  runner: Runner
  roots: HostRoots
  /** How long an unmount waits for those who use the mount. Default 10 s. */
  busyPatienceMs?: number
}

/** This process's mount table, from the kernel. */
export async function readMounts(roots: HostRoots): Promise<MountEntry[]> {
  return byDevice(roots, parseMountinfo(await readFile(join(roots.proc, 'self', 'mountinfo'), 'utf8')))
}

/** The mounts that are there for themselves: without those that follow another one, and go with it. */
export async function readOwnMounts(roots: HostRoots): Promise<MountEntry[]> {
  return byDevice(roots, parseMountinfoWithoutEchoes(await readFile(join(roots.proc, 'self', 'mountinfo'), 'utf8')))
}

/**
 * Mounts a device and proves it by mountinfo. Idempotent: the same device at the same place is fine.
 * Throws EACSMOUNTPOINT when something else is mounted there (a zombie is not covered up), EACSMOUNTOPTION
 * for an option that is not for users to give, EACSMOUNT with mount's words.
 */
export async function mountDevice(context: MountContext, request: MountRequest, deadline: Deadline): Promise<void> {
  const { devicePath } = request
  const options = mountOptions(request)
  await ensureFolder(request.mountPoint)
  // mountinfo has real paths: a link in the way (/var/run) would make our own mount look absent.
  const mountPoint = await realpath(request.mountPoint)
  const deviceNumber = await deviceNumberOf(context.roots, devicePath)
  const device = { deviceNumber, devicePath }
  if (await alreadyMounted(context, device, mountPoint)) return
  try {
    await context.runner.run('mount', ['-t', request.type, '-o', options.join(','), '--', devicePath, mountPoint], {
      deadline,
      timeoutMs: 110_000,
    })
  } catch (error) {
    if (exitCodeOf(error) === undefined || !isAcsError(error)) throw error
    throw new AcsError(
      'failed',
      'EACSMOUNT',
      `${devicePath} cannot be mounted at ${mountPoint}: ${String(error.details.stderr)}`,
      { cause: error, hints: ['dmesg | tail'], details: { devicePath, mountPoint, options } },
    )
  }
  const [seen] = mountsOfDevice(atTop(await readMounts(context.roots), mountPoint), device)
  if (seen) return
  throw new AcsError('failed', 'EACSMOUNT', `mount succeeded, but ${devicePath} is not what is at ${mountPoint}`, {
    details: { devicePath, deviceNumber, mountPoint },
  })
}

/**
 * Replays a journal by a read-only mount of a moment. Unmounted again at once, as xfs goes on to write its log for half a
 * minute after a replay, read-only or not (seen on Linux 6.18). The fsync at the end reaches through a loop device.
 */
export async function replayJournal(
  context: MountContext,
  request: Pick<MountRequest, 'devicePath' | 'mountPoint' | 'type'>,
  deadline: Deadline,
): Promise<void> {
  const options = request.type === 'xfs' ? ['nouuid'] : []
  await mountDevice(context, { ...request, readOnly: true, options }, deadline)
  await unmountPath(context, request.mountPoint, deadline)
  await context.runner.run('sync', ['--', request.devicePath], { deadline, timeoutMs: 300_000 })
}

/**
 * Unmounts, neither lazily nor by force: both would let a container write on while the disk moves to another host. Not
 * mounted is fine. EBUSY is tried again for 10 s, then EACSBUSY names the holders: whoever waits longer keeps others
 * from the volume meanwhile. With `deviceNumber`, what someone else mounted on top is left alone: EACSMOUNTPOINT.
 */
export async function unmountPath(
  context: MountContext,
  path: string,
  deadline: Deadline,
  deviceNumber?: string,
): Promise<void> {
  const mountPoint = await realpath(path).catch(() => path)
  const patience = deadline.atMost(context.busyPatienceMs ?? 10_000)
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const there = (await readMounts(context.roots)).filter((entry) => entry.mountPoint === mountPoint)
    const top = there.at(-1)
    if (!top) return
    if (deviceNumber !== undefined && top.deviceNumber !== deviceNumber) {
      if (there.every((entry) => entry.deviceNumber !== deviceNumber)) return
      throw somethingElse(mountPoint, top)
    }
    try {
      await context.runner.run('umount', ['--', mountPoint], { deadline, timeoutMs: 300_000 })
    } catch (error) {
      if (exitCodeOf(error) === undefined || !isAcsError(error)) throw error
      const words = String(error.details.stderr)
      // It may have gone meanwhile by another hand: the look at the table above decides.
      if (/not mounted|no mount point/i.test(words)) continue
      if (!/busy/i.test(words)) {
        throw new AcsError('failed', 'EACSUNMOUNT', `${mountPoint} cannot be unmounted: ${words}`, {
          cause: error,
          details: { mountPoint },
        })
      }
      if (patience.remainingMs() <= pauseMs) throw await busy(context, mountPoint, error)
      await deadline.sleep(pauseMs, `waiting for ${mountPoint} to be idle`)
    }
  }
}

async function alreadyMounted(
  context: MountContext,
  device: { deviceNumber: string; devicePath: string },
  mountPoint: string,
): Promise<boolean> {
  const there = atTop(await readMounts(context.roots), mountPoint)
  const [other] = there
  if (!other) return false
  if (mountsOfDevice(there, device).length > 0) return true
  throw somethingElse(mountPoint, other)
}

function somethingElse(mountPoint: string, other: MountEntry): AcsError {
  return new AcsError(
    'conflict',
    'EACSMOUNTPOINT',
    `${mountPoint} has something else mounted on it: ${other.source} (${other.filesystem}, device ${other.deviceNumber})`,
    {
      hints: [`umount ${mountPoint}`],
      details: { mountPoint, source: other.source, deviceNumber: other.deviceNumber },
    },
  )
}

function atTop(entries: readonly MountEntry[], mountPoint: string): MountEntry[] {
  const entry = mountAt(entries, mountPoint)
  return entry ? [entry] : []
}

async function busy(context: MountContext, mountPoint: string, cause: unknown): Promise<AcsError> {
  const { roots } = context
  const holders = await mountHolders(roots, mountPoint)
  const nested = (await readMounts(roots))
    .map((entry) => entry.mountPoint)
    .filter((other) => other.startsWith(`${mountPoint}/`))
  const number = mountAt(await readMounts(roots), mountPoint)?.deviceNumber
  const elsewhere = number === undefined ? [] : await mountedElsewhere(roots, number)
  const evidence = [
    ...holders.map((holder) => `process ${holder.pid} (${holder.command})`),
    ...nested.map((path) => `a mount at ${path}`),
    ...elsewhere.map((pid) => `the mount namespace of process ${pid}`),
  ]
  return new AcsError(
    'conflict',
    'EACSBUSY',
    `${mountPoint} is in use by ${evidence.join(', ') || 'something this process cannot see'}`,
    { cause, hints: [`fuser -vm ${mountPoint}`], details: { mountPoint, holders, nested, elsewhere } },
  )
}

/** Options that acs sets itself, or that would turn a mount into another thing or hide what is mounted. */
const refusedOptions = new Set([
  'bind',
  'rbind',
  'move',
  'remount',
  'loop',
  'offset',
  'sizelimit',
  'ro',
  'rw',
  'users',
  'user',
])

/** Checks options one by one: a comma or blank inside of one would smuggle in another. */
export function mountOptions(request: Pick<MountRequest, 'options' | 'readOnly'>): string[] {
  const given = request.options ?? []
  for (const option of given) {
    const [name] = option.split('=')
    if (!/^[A-Za-z0-9_.:=/+@%-]+$/.test(option) || name === undefined || refusedOptions.has(name)) {
      throw new AcsError('usage', 'EACSMOUNTOPTION', `"${option}" cannot be used as a mount option`, {
        hints: ['Give options one by one, such as noatime or discard; read-only is a setting of its own'],
        details: { option },
      })
    }
  }
  return [request.readOnly === true ? 'ro' : 'rw', ...given]
}

/** Bytes of the filesystem mounted there, by statfs in a process of its own: on a dead disk it may never return. */
export async function filesystemUsage(
  runner: Runner,
  mountPoint: string,
  deadline: Deadline,
): Promise<{ sizeBytes: number; usedBytes: number; availableBytes: number }> {
  const { stdout } = await runner.run('stat', ['-f', '-c', '%S %b %f %a', '--', mountPoint], {
    deadline,
    timeoutMs: 5_000,
  })
  return parseUsage(stdout)
}

/** syncfs(2), in a process of its own: on a dead disk it may never return. */
export async function syncFilesystem(runner: Runner, mountPoint: string, deadline: Deadline): Promise<void> {
  await runner.run('sync', ['--file-system', '--', mountPoint], { deadline, timeoutMs: 300_000 })
}

/** `block-size blocks free available` of `stat -f -c '%S %b %f %a'`. */
export function parseUsage(stdout: string): { sizeBytes: number; usedBytes: number; availableBytes: number } {
  const match = /^(\d+) (\d+) (\d+) (\d+)\s*$/.exec(stdout)
  if (!match) throw new AcsError('failed', 'EACSPROBE', `stat said "${stdout.trim()}" instead of four numbers`)
  const [size, blocks, free, available] = match.slice(1).map(Number) as [number, number, number, number]
  return { sizeBytes: size * blocks, usedBytes: size * (blocks - free), availableBytes: size * available }
}
