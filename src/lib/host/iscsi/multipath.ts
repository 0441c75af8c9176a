import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError } from '../../base/errors.js'
import type { Deadline } from '../../base/deadline.js'
import type { Runner } from '../host.js'
import type { HostRoots } from '../roots.js'

/** A multipath map over a path device. */
export interface MultipathMap {
  /** `dm-3` */
  blockName: string
  /** `mpatha` */
  mapName: string
}

/** The map over a path, by sysfs: a holder whose dm uuid starts with `mpath-`. None is fine: Nutanix needs no multipath. */
export async function multipathOver(roots: HostRoots, pathName: string): Promise<MultipathMap | undefined> {
  const folder = join(roots.sysfs, 'class', 'block')
  for (const blockName of await readdir(join(folder, pathName, 'holders')).catch(() => [])) {
    const uuid = await text(join(folder, blockName, 'dm', 'uuid'))
    const mapName = await text(join(folder, blockName, 'dm', 'name'))
    if (uuid?.startsWith('mpath-') && mapName !== undefined) return { blockName, mapName }
  }
  return undefined
}

/** Waits a while for multipathd to claim a new path, but only where a multipathd runs. */
export async function settleMultipath(
  roots: HostRoots,
  pathName: string,
  deadline: Deadline,
): Promise<MultipathMap | undefined> {
  const limit = deadline.atMost(5_000)
  for (;;) {
    const map = await multipathOver(roots, pathName)
    if (map || !(await multipathRuns(roots)) || limit.remainingMs() < 300) return map
    await limit.sleep(250, 'waiting for multipathd')
  }
}

/** Throws EACSWRONGDISK when map and path differ in size: then the map has other paths than ours. */
export async function assertSameSize(roots: HostRoots, map: MultipathMap, pathName: string): Promise<void> {
  const folder = join(roots.sysfs, 'class', 'block')
  const ofMap = await text(join(folder, map.blockName, 'size'))
  const ofPath = await text(join(folder, pathName, 'size'))
  if (ofMap === ofPath && ofMap !== undefined) return
  throw new AcsError(
    'conflict',
    'EACSWRONGDISK',
    `multipath map ${map.mapName} and its path ${pathName} differ in size`,
    {
      hints: [`multipathd resize map ${map.mapName}`, `multipath -ll ${map.mapName}`],
      details: { map: ofMap, path: ofPath },
    },
  )
}

/** Removes the map, not its paths. */
export async function flushMultipath(runner: Runner, map: MultipathMap, deadline: Deadline): Promise<void> {
  await runner.run('multipath', ['-f', map.mapName], { deadline, timeoutMs: 60_000 })
}

/** Makes the map as large as its paths have become. */
export async function resizeMultipath(runner: Runner, map: MultipathMap, deadline: Deadline): Promise<void> {
  await runner.run('multipathd', ['resize', 'map', map.mapName], { deadline, timeoutMs: 30_000 })
}

/** Whether a multipathd runs, from the kernel's table of sockets. */
export async function multipathRuns(roots: HostRoots): Promise<boolean> {
  const table = await readFile(join(roots.proc, 'net', 'unix'), 'utf8').catch(() => '')
  // multipathd listens on an abstract socket of this name (libmpathcmd), on a file since 0.10.
  if (table.includes('@/org/kernel/linux/storage/multipathd')) return true
  return access('/run/multipathd.socket').then(
    () => true,
    () => false,
  )
}

async function text(path: string): Promise<string | undefined> {
  return (await readFile(path, 'utf8').catch(() => undefined))?.trim()
}
