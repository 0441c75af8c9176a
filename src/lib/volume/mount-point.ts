import { readdir, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'
import { AcsError, errorCode } from '../base/errors.js'
import type { MountEntry } from '../host/host.js'
import { printable } from './names.js'
import type { Volume } from './volume.js'

/** Where volumes are mounted when nothing else is said. */
export const mountFolder = '/mnt/acs'

/** `/mnt/acs/<name>`, see `placeIn`. */
export function defaultMountPoint({ group }: Volume): string {
  return placeIn(mountFolder, group)
}

/** Where a volume is mounted in a folder: by its name, or by its UUID where the name is no file name. */
export function placeIn(folder: string, { name, uuid }: { name: string; uuid: string }): string {
  return join(folder, /^[a-zA-Z0-9][a-zA-Z0-9_.@-]{0,254}$/.test(name) ? name : uuid)
}

/** The path as /proc/self/mountinfo will show it: absolute, links resolved as far as it exists. Throws EACSMOUNTPOINT. */
export async function resolveMountPoint(path: string): Promise<string> {
  if (!isAbsolute(path)) throw badMountPoint(path, 'it is not an absolute path', 'usage')
  const clean = normalize(path).replace(/(.)\/+$/, '$1')
  if (clean === '/') throw badMountPoint(path, 'it is the root of this machine', 'usage')
  try {
    return await realpath(clean)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT')
      throw badMountPoint(path, errorCode(error) ?? 'it cannot be resolved', 'failed', error)
    return join(await resolveParent(dirname(clean)), basename(clean))
  }
}

async function resolveParent(path: string): Promise<string> {
  return path === '/' ? path : resolveMountPoint(path)
}

/** Refuses a place where something is mounted already or files would disappear from view. Throws EACSMOUNTPOINT. */
export async function checkMountPoint(path: string, mounts: readonly MountEntry[]): Promise<void> {
  const there = mounts.filter((mount) => mount.mountPoint === path).at(-1)
  if (there)
    throw badMountPoint(path, `${there.source} (${there.filesystem}) is mounted there`, 'conflict', undefined, [
      `See it: findmnt ${printable(path)}`,
    ])
  try {
    const entries = await readdir(path)
    if (entries.length > 0)
      throw badMountPoint(path, `the folder is not empty (${printable(entries[0] ?? '')}...)`, 'conflict', undefined, [
        `Look whether anyone needs it, and move it away: ls -A ${printable(path)}`,
      ])
  } catch (error) {
    if (error instanceof AcsError) throw error
    if (errorCode(error) === 'ENOTDIR') throw badMountPoint(path, 'it is not a folder', 'usage', error)
    if (errorCode(error) !== 'ENOENT')
      throw badMountPoint(path, errorCode(error) ?? 'it cannot be read', 'failed', error)
  }
}

function badMountPoint(
  path: string,
  why: string,
  kind: 'usage' | 'conflict' | 'failed',
  cause?: unknown,
  hints: readonly string[] = [],
): AcsError {
  return new AcsError(kind, 'EACSMOUNTPOINT', `cannot mount at ${printable(path)}: ${why}`, {
    hints: [...hints, 'Choose another place, such as /mnt/somewhere'],
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  })
}
