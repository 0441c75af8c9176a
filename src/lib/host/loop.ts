import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import type { Runner } from './host.js'
import type { HostRoots } from './roots.js'

/** A loop device and its file, by sysfs. */
export interface LoopDevice {
  devicePath: string
  backingFile: string
}

/**
 * Loop devices whose file satisfies `matches`, from /sys/block/loopN/loop/backing_file. A file that was
 * unlinked shows with ` (deleted)` behind it; that mark is taken off.
 */
export async function findLoops(roots: HostRoots, matches: (backingFile: string) => boolean): Promise<LoopDevice[]> {
  const names = (await readdir(join(roots.sysfs, 'block'))).filter((name) => /^loop\d+$/.test(name))
  const found = await Promise.all(
    names.map(async (name) => {
      const backingFile = await backingFileOf(roots, name)
      return backingFile !== undefined && matches(backingFile)
        ? [{ devicePath: join(roots.dev, name), backingFile }]
        : []
    }),
  )
  return found.flat()
}

/**
 * Puts a loop device on a file. Plain, not `--direct-io=on`: direct I/O from the loop driver through
 * QEMU's FUSE export was seen to corrupt data (QEMU 7.2).
 */
export async function attachLoop(
  runner: Runner,
  file: string,
  sectorBytes: number,
  deadline: Deadline,
): Promise<string> {
  const { stdout } = await runner.run('losetup', ['--find', '--show', '--sector-size', String(sectorBytes), file], {
    deadline,
  })
  return stdout.trim()
}

/**
 * Frees a loop device and waits until the kernel has really let go of the file: while anybody has the
 * device open, `losetup -d` succeeds at once and only marks it (autoclear).
 */
export async function detachLoop(
  roots: HostRoots,
  runner: Runner,
  loop: LoopDevice,
  deadline: Deadline,
): Promise<void> {
  // 1 = ENXIO: gone already, e.g. by autoclear. The wait below tells.
  await runner.run('losetup', ['--detach', loop.devicePath], { deadline, okExitCodes: [0, 1] })
  const name = loop.devicePath.slice(loop.devicePath.lastIndexOf('/') + 1)
  for (let pauseMs = 5; (await backingFileOf(roots, name)) === loop.backingFile; pauseMs = Math.min(pauseMs * 2, 200)) {
    if (deadline.remainingMs() === 0) {
      throw new AcsError('conflict', 'EACSBUSY', `${loop.devicePath} is still open somewhere and cannot be freed`, {
        hints: [`fuser -v ${loop.devicePath}`],
        details: { ...loop },
      })
    }
    await deadline.sleep(pauseMs, `waiting for the kernel to free ${loop.devicePath}`)
  }
}

async function backingFileOf(roots: HostRoots, name: string): Promise<string | undefined> {
  const path = join(roots.sysfs, 'block', name, 'loop', 'backing_file')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text?.replace(/\n$/, '').replace(/ \(deleted\)$/, '')
}
