import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AcsError, messageOf } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import type { MountEntry, MountHolder, Runner } from './host.js'
import { mountsOfDevice, parseMountinfo } from './mountinfo.js'
import { commandOf, processIds, readProcFile, readProcLink } from './processes.js'
import type { HostRoots } from './roots.js'

/** Name of the kernel's folder in /sys/class/block for a device path: `sdb` for `/dev/disk/by-id/...` too. */
export async function kernelName(devicePath: string): Promise<string> {
  try {
    return basename(await realpath(devicePath))
  } catch (error) {
    throw new AcsError('not-found', 'EACSNODEVICE', `there is no device ${devicePath}: ${messageOf(error)}`, {
      cause: error,
      details: { devicePath },
    })
  }
}

/** `major:minor` by sysfs. */
export async function deviceNumberOf(roots: HostRoots, devicePath: string): Promise<string> {
  return readAttribute(roots, await kernelName(devicePath), 'dev')
}

/**
 * The mounts by the number of the device they are on: mountinfo has a number of its own for each mount of btrfs, so there
 * the number is that of the source. A source that is no device here keeps what mountinfo says.
 */
export async function byDevice(roots: HostRoots, entries: readonly MountEntry[]): Promise<MountEntry[]> {
  return Promise.all(
    entries.map(async (entry) => {
      if (entry.filesystem !== 'btrfs') return entry
      const deviceNumber = await deviceNumberOf(roots, entry.source).catch(() => entry.deviceNumber)
      return { ...entry, deviceNumber }
    }),
  )
}

/** Bytes by sysfs, whose `size` counts sectors of 512 whatever the device's own are. */
export async function deviceSize(roots: HostRoots, devicePath: string): Promise<number> {
  return Number(await readAttribute(roots, await kernelName(devicePath), 'size')) * 512
}

async function readAttribute(roots: HostRoots, name: string, attribute: string): Promise<string> {
  const path = join(roots.sysfs, 'class', 'block', name, attribute)
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new AcsError(
      'not-found',
      'EACSNODEVICE',
      `${name} is not a block device of this kernel: ${messageOf(error)}`,
      {
        cause: error,
        details: { path },
      },
    )
  }
}

/** Who uses a block device. */
export interface DeviceUse {
  /** Devices on top (dm, md), by sysfs. */
  stacked: string[]
  /** Mount points, in any mount namespace this process can see. */
  mounts: { mountPoint: string; pid: number; elsewhere: boolean }[]
  /** Processes that have the device itself open. */
  openers: MountHolder[]
}

/** They open every disk to look at it, and let go by themselves when it goes. */
const watchers = ['multipathd', 'systemd-udevd', '(udev-worker)']

/** Everything that uses a device; from sysfs and /proc alone, so that a dead device cannot hang it. */
export async function deviceUse(roots: HostRoots, devicePath: string): Promise<DeviceUse> {
  const name = await kernelName(devicePath)
  const number = await readAttribute(roots, name, 'dev')
  const stacked = await readdir(join(roots.sysfs, 'class', 'block', name, 'holders')).catch(() => [])
  const mounts = (await mountNamespaces(roots)).flatMap((namespace) =>
    mountsOfDevice(namespace.entries, { deviceNumber: number, devicePath }).map((entry) => ({
      mountPoint: entry.mountPoint,
      pid: namespace.pid,
      elsewhere: !namespace.own,
    })),
  )
  const openers = (await processesWith(roots, (path) => path === devicePath, ['fd'])).filter(
    (holder) => !watchers.some((watcher) => holder.command.includes(watcher)),
  )
  return { stacked, mounts, openers }
}

/** How long a look by another program may last: LVM, btrfs and blkid open every disk of the machine now and then. */
const passingLookMs = 5_000

/**
 * Throws EACSBUSY that names every user; returns when there is none. Mounts and devices on top count at
 * once, a process that has the device open only when it still has after 5 s.
 */
export async function assertUnused(
  roots: HostRoots,
  devicePath: string,
  doing: string,
  deadline: Deadline,
): Promise<void> {
  const isPassing = ({ mounts, stacked }: DeviceUse): boolean => mounts.length === 0 && stacked.length === 0
  await assertNoUse(() => deviceUse(roots, devicePath), { devicePath, doing, deadline, isPassing })
}

/**
 * `assertUnused` for a device that does not answer any more: whoever only has it open cannot use it either. A container
 * that is just being started has a copy of all mounts for a moment: one elsewhere counts only when it is still there after 5 s.
 */
export async function assertUnmounted(
  roots: HostRoots,
  devicePath: string,
  doing: string,
  deadline: Deadline,
): Promise<void> {
  const look = async (): Promise<DeviceUse> => ({ ...(await deviceUse(roots, devicePath)), openers: [] })
  const isPassing = ({ mounts, stacked }: DeviceUse): boolean =>
    stacked.length === 0 && mounts.every(({ elsewhere }) => elsewhere)
  await assertNoUse(look, { devicePath, doing, deadline, isPassing })
}

/** @param isPassing whether the use may end by itself in a moment. */
async function assertNoUse(
  look: () => Promise<DeviceUse>,
  request: { devicePath: string; doing: string; deadline: Deadline; isPassing: (use: DeviceUse) => boolean },
): Promise<void> {
  const { devicePath, doing, deadline, isPassing } = request
  const patience = deadline.atMost(passingLookMs)
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    const use = await look()
    if (use.mounts.length + use.stacked.length + use.openers.length === 0) return
    if (!isPassing(use) || patience.remainingMs() <= pauseMs) throw busy(devicePath, use, doing)
    await patience.sleep(pauseMs, `waiting for others to let go of ${devicePath}`)
  }
}

function busy(devicePath: string, use: DeviceUse, doing: string): AcsError {
  const users = [
    ...use.mounts.map((mount) =>
      mount.elsewhere
        ? `mounted at ${mount.mountPoint} in the mount namespace of process ${mount.pid}`
        : `mounted at ${mount.mountPoint}`,
    ),
    ...use.stacked.map((name) => `used by /dev/${name}`),
    ...use.openers.map((holder) => `open in process ${holder.pid} (${holder.command})`),
  ]
  return new AcsError('conflict', 'EACSBUSY', `cannot ${doing}: ${devicePath} is ${users.join(', ')}`, {
    hints: use.mounts.map((mount) => `umount ${mount.mountPoint}`),
    details: { devicePath, ...use },
  })
}

/** Processes that keep a mount busy: open file, working folder, root, or a mapped file below it. */
export async function mountHolders(roots: HostRoots, mountPoint: string): Promise<MountHolder[]> {
  const prefix = mountPoint.endsWith('/') ? mountPoint : `${mountPoint}/`
  return processesWith(roots, (path) => path === mountPoint || path.startsWith(prefix), [
    'cwd',
    'root',
    'exe',
    'fd',
    'map_files',
  ])
}

interface MountNamespace {
  pid: number
  own: boolean
  entries: MountEntry[]
}

/**
 * One process of each other mount namespace that has a mount of the device of its own, at another place: a container's. One
 * at the same place is our own mount, seen from a service of systemd with private mounts, and goes when ours goes.
 */
export async function mountedElsewhere(roots: HostRoots, deviceNumber: string): Promise<number[]> {
  const namespaces = await mountNamespaces(roots)
  const placesOf = (entries: readonly MountEntry[]): string[] =>
    entries.flatMap((entry) => (entry.deviceNumber === deviceNumber ? [entry.mountPoint] : []))
  const ours = new Set(namespaces.filter(({ own }) => own).flatMap(({ entries }) => placesOf(entries)))
  return namespaces
    .filter(({ own, entries }) => !own && placesOf(entries).some((place) => !ours.has(place)))
    .map(({ pid }) => pid)
}

/** The mount table of every mount namespace, ours first. A container that copied a mount keeps the device alive. */
export async function mountNamespaces(roots: HostRoots): Promise<MountNamespace[]> {
  const ownTable = await readFile(join(roots.proc, 'self', 'mountinfo'), 'utf8')
  const ownName = await readProcLink(join(roots.proc, 'self', 'ns', 'mnt'))
  const seen = new Set([ownName])
  const namespaces: MountNamespace[] = [
    { pid: process.pid, own: true, entries: await byDevice(roots, parseMountinfo(ownTable)) },
  ]
  for (const pid of await processIds(roots.proc)) {
    const name = await readProcLink(join(roots.proc, String(pid), 'ns', 'mnt'))
    if (name === undefined || seen.has(name)) continue
    const table = await readProcFile(join(roots.proc, String(pid), 'mountinfo'))
    if (table === undefined) continue
    seen.add(name)
    namespaces.push({ pid, own: false, entries: await byDevice(roots, parseMountinfo(table)) })
  }
  return namespaces
}

type ProcessPlace = 'cwd' | 'root' | 'exe' | 'fd' | 'map_files'

async function processesWith(
  roots: HostRoots,
  matches: (path: string) => boolean,
  places: readonly ProcessPlace[],
): Promise<MountHolder[]> {
  const holders: MountHolder[] = []
  for (const pid of await processIds(roots.proc)) {
    // The root of a chroot or container is often the mount itself; that of everyone else is `/`.
    if (!(await touches(join(roots.proc, String(pid)), matches, places))) continue
    holders.push({ pid, command: await commandOf(roots.proc, pid) })
  }
  return holders
}

async function touches(
  folder: string,
  matches: (path: string) => boolean,
  places: readonly ProcessPlace[],
): Promise<boolean> {
  for (const place of places) {
    const path = join(folder, place)
    if (place !== 'fd' && place !== 'map_files') {
      const target = await readProcLink(path)
      if (target !== undefined && matches(target)) return true
      continue
    }
    const links = await readdir(path).catch(() => [])
    const targets = await Promise.all(links.map((link) => readProcLink(join(path, link))))
    if (targets.some((target) => target !== undefined && matches(target))) return true
  }
  return false
}

/** Writes out and drops what the kernel caches of a device (BLKFLSBUF, fsync). */
export async function flushDevice(runner: Runner, devicePath: string, deadline: Deadline): Promise<void> {
  await runner.run('blockdev', ['--flushbufs', devicePath], { deadline, timeoutMs: 300_000 })
}
