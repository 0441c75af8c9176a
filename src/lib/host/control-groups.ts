import { readFile, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { AcsError, messageOf } from '../base/errors.js'
import type { MountEntry } from './host.js'
import { parseMountinfo } from './mountinfo.js'
import type { HostRoots } from './roots.js'

/**
 * Moves a process to the control groups of another one, in every hierarchy that is mounted (version 1, 2 or both).
 * Whoever ends a container ends all of its control group, so what must outlive it has to be elsewhere. Throws EACSCGROUP.
 */
export async function joinControlGroups(roots: HostRoots, pid: number, of: number): Promise<void> {
  const groupsOf = (each: number): Promise<string> => readFile(join(roots.proc, String(each), 'cgroup'), 'utf8')
  try {
    const table = parseMountinfo(await readFile(join(roots.proc, 'self', 'mountinfo'), 'utf8'))
    const wanted = await groupsOf(of)
    for (const folder of controlGroupFolders(wanted, table)) await writeFile(join(folder, 'cgroup.procs'), String(pid))
    const now = await groupsOf(pid)
    if (now !== wanted) throw new Error(`it is still in ${now.trim().replaceAll('\n', ', ')}`)
  } catch (error) {
    throw new AcsError(
      'failed',
      'EACSCGROUP',
      `process ${pid} cannot be moved to the control groups of process ${of}: ${messageOf(error)}`,
      { cause: error, hints: ['Give acs a writable /sys/fs/cgroup and CAP_SYS_ADMIN'], details: { pid, of } },
    )
  }
}

/** Folders of a process's control groups, from its /proc/PID/cgroup (cgroups(7)); hierarchies not mounted are left out. */
export function controlGroupFolders(text: string, mounts: readonly MountEntry[]): string[] {
  return text.split('\n').flatMap((line) => {
    // A path may hold colons.
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line)
    if (!match) return []
    const [, controllers = '', path = ''] = match
    const mount = mounts.find(({ filesystem, options }) =>
      controllers === ''
        ? filesystem === 'cgroup2'
        : filesystem === 'cgroup' && controllers.split(',').every((controller) => options.includes(controller)),
    )
    if (!mount) return []
    // Not `/` where the mount shows a part of the hierarchy only, as in a container.
    return [join(mount.mountPoint, posix.relative(mount.root, path))]
  })
}
