import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostMachine } from '../../src/lib/host/host.js'
import { diskFolders } from '../../src/lib/host/iscsi/disk-folder.js'
import { isDaemon, pidFileOf } from '../../src/lib/host/iscsi/storage-daemon.js'
import { findLoops } from '../../src/lib/host/loop.js'
import { findProcesses } from '../../src/lib/host/processes.js'
import { machineRoots } from '../../src/lib/host/roots.js'
import { allReferences } from '../../src/lib/volume/references.js'

/** Where one host of a lab has what belongs to its volumes. */
export interface HostFolders {
  host: HostMachine
  stateFolder: string
  runtimeFolder: string
  /** Volumes are mounted somewhere below. */
  mountFolder: string
}

/**
 * What of volumes is on a lab's host, each by its own evidence and not by acs's account of it: mounts, loop devices, storage
 * daemons, folders of disks, journals and references. Empty when clean.
 */
export async function leftoversOf({ host, stateFolder, runtimeFolder, mountFolder }: HostFolders): Promise<string[]> {
  const inside = (folder: string, path: string): boolean => path.startsWith(`${folder}/`)
  const [mounts, loops, daemons, disks, references] = await Promise.all([
    host.mounts(),
    findLoops(machineRoots, (file) => inside(runtimeFolder, file)),
    findProcesses('/proc', (argv) => isDaemon(argv) && inside(runtimeFolder, pidFileOf(argv) ?? '')),
    diskFolders(runtimeFolder),
    allReferences(stateFolder),
  ])
  return [
    ...mounts
      .filter(({ mountPoint }) => inside(mountFolder, mountPoint))
      .map((mount) => `mounted: ${mount.mountPoint}`),
    ...loops.map(({ devicePath, backingFile }) => `attached: ${devicePath} (${backingFile})`),
    ...daemons.map(({ pid }) => `storage daemon: ${pid}`),
    ...disks.map(({ path }) => `folder of a disk: ${path}`),
    ...(await namesIn(join(stateFolder, 'journal'))).map((name) => `journal: ${name}`),
    ...references.map(({ name }) => `references: ${name}`),
  ]
}

async function namesIn(folder: string): Promise<string[]> {
  return existsSync(folder) ? readdir(folder) : []
}
