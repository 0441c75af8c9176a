import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { HostRoots } from '../roots.js'
import { findLoops, type LoopDevice } from '../loop.js'
import { mountAt, parseMountinfo } from '../mountinfo.js'
import { processIds, readArgv, type ProcessIdentity } from '../processes.js'
import { diskFolders, folderNamed, type DiskDescription, type DiskFolder } from './disk-folder.js'
import { findDaemons, isDaemon, pidFileOf } from './storage-daemon.js'

/** What the machine shows of one disk. */
export interface Observed {
  daemons: ProcessIdentity[]
  exported: boolean
  loops: LoopDevice[]
}

/** Looks at the machine: nothing is remembered. */
export async function observe(roots: HostRoots, folder: DiskFolder): Promise<Observed> {
  const [daemons, exported, loops] = await Promise.all([
    findDaemons(roots.proc, folder),
    isExported(roots, folder),
    findLoops(roots, (file) => file === folder.exportFile),
  ])
  return { daemons, exported, loops }
}

/** Daemon, export and loop device, one of each. */
export function isWhole(observed: Observed): boolean {
  return observed.daemons.length === 1 && observed.exported && observed.loops.length === 1
}

export function isNothing({ daemons, exported, loops }: Observed): boolean {
  return daemons.length === 0 && !exported && loops.length === 0
}

export async function isExported(roots: HostRoots, folder: DiskFolder): Promise<boolean> {
  const table = parseMountinfo(await readFile(join(roots.proc, 'self', 'mountinfo'), 'utf8'))
  return mountAt(table, folder.exportFile) !== undefined
}

/** What is there of a disk, for a report. */
export function inWords(folder: DiskFolder, observed: Observed, description: DiskDescription | undefined): string {
  const parts = [
    ...observed.loops.map((loop) => loop.devicePath),
    ...observed.daemons.map((daemon) => `storage daemon ${daemon.pid}`),
    ...(observed.exported ? ['its FUSE mount'] : []),
    folder.path,
  ]
  return `${parts.join(', ')}${description ? ` of ${description.targetName} LUN ${description.lun}` : ''}`
}

/**
 * Every disk folder that exists or that a daemon, a loop device or a mount still refers to: somebody may
 * have cleared the runtime folder under us.
 */
export async function knownFolders(roots: HostRoots, runtimeFolder: string): Promise<DiskFolder[]> {
  const disks = join(runtimeFolder, 'disks')
  const table = parseMountinfo(await readFile(join(roots.proc, 'self', 'mountinfo'), 'utf8'))
  const argvs = await Promise.all((await processIds(roots.proc)).map((pid) => readArgv(roots.proc, pid)))
  const paths = [
    ...(await diskFolders(runtimeFolder)).map((folder) => folder.path),
    ...argvs.filter(isDaemon).map((argv) => dirname(pidFileOf(argv) ?? '')),
    ...(await findLoops(roots, (file) => file.startsWith(`${disks}/`))).map((loop) => dirname(loop.backingFile)),
    ...table.map((entry) => dirname(entry.mountPoint)),
  ]
  const ours = paths.filter((path) => dirname(path) === disks)
  return [...new Set(ours)].map((path) => folderNamed(runtimeFolder, basename(path)))
}
