import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { mountedElsewhere } from '../../../src/lib/host/blockdev.js'
import type { Runner } from '../../../src/lib/host/host.js'
import { readOwnMounts, unmountPath, type MountContext } from '../../../src/lib/host/mount.js'
import { temporaryFolder } from '../volume/fake-context.js'

interface Table extends MountContext {
  /** Lines of mountinfo, bottom first. */
  lines: string[]
  /** What `umount` was asked to unmount. */
  unmounted: string[]
  /** Who is asked to unmount while this is set is refused. */
  busy: boolean
  folder: string
}

/** A kernel with a mount table in a file, whose `umount` takes the top line of a mount point off. */
async function table(...lines: string[]): Promise<Table> {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'self'))
  const write = () => writeFile(join(folder, 'self', 'mountinfo'), found.lines.map((line) => line + '\n').join(''))
  const runner: Runner = {
    async run(command, args) {
      const place = args.at(-1) ?? ''
      found.unmounted.push(place)
      if (found.busy)
        throw new AcsError('failed', 'EACSCOMMAND', 'busy', { details: { exitCode: 32, stderr: 'target is busy' } })
      found.lines.splice(
        found.lines.findLastIndex((line) => line.includes(` ${place} `)),
        1,
      )
      await write()
      return { exitCode: 0, stdout: command, stderr: '' }
    },
  }
  const roots = { proc: folder, sysfs: join(folder, 'sys'), etc: folder, dev: join(folder, 'dev') }
  const found: Table = { runner, roots, lines, unmounted: [], busy: false, folder, busyPatienceMs: 100 }
  await write()
  return found
}

const soon = () => deadlineIn(5_000)
const ours = '36 35 7:1 / /mnt/acs/db rw shared:9 - ext4 /dev/loop1 rw'
const foreign = '37 36 0:50 / /mnt/acs/db rw shared:10 - tmpfs tmpfs rw'

describe('unmounting', () => {
  it('takes everything at the place, where nothing is said of a device', async () => {
    const there = await table(ours, foreign)
    await unmountPath(there, '/mnt/acs/db', soon())
    expect(there.lines).toEqual([])
  })

  it('leaves alone what someone else has mounted on top, or in place of it', async () => {
    const covered = await table(ours, foreign)
    await expect(unmountPath(covered, '/mnt/acs/db', soon(), '7:1')).rejects.toMatchObject({
      code: 'EACSMOUNTPOINT',
      message: expect.stringContaining('tmpfs') as string,
    })
    expect(covered.unmounted).toEqual([])
    const gone = await table(foreign)
    await unmountPath(gone, '/mnt/acs/db', soon(), '7:1')
    expect(gone.unmounted).toEqual([])
    const twice = await table(ours, ours)
    await unmountPath(twice, '/mnt/acs/db', soon(), '7:1')
    expect(twice.lines).toEqual([])
  })

  it('does not wait for a busy mount as long as its caller would', async () => {
    const there = await table(ours)
    there.busy = true
    const startedAt = performance.now()
    await expect(unmountPath(there, '/mnt/acs/db', deadlineIn(300_000), '7:1')).rejects.toMatchObject({
      code: 'EACSBUSY',
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(there.unmounted.length).toBeGreaterThan(1)
  })
})

describe('mounts of btrfs', () => {
  it('have the number of their disk, here and in other namespaces', async () => {
    const there = await table()
    const disk = join(there.folder, 'fake0')
    await writeFile(disk, '')
    await mkdir(join(there.folder, 'sys', 'class', 'block', 'fake0'), { recursive: true })
    await writeFile(join(there.folder, 'sys', 'class', 'block', 'fake0', 'dev'), '7:5\n')
    const lines = [
      `36 35 0:44 / /mnt/acs/db rw - btrfs ${disk} rw`,
      '37 35 0:45 / /mnt/acs/gone rw - btrfs /dev/gone rw',
    ]
    await writeFile(join(there.folder, 'self', 'mountinfo'), lines.map((line) => line + '\n').join(''))
    expect((await readOwnMounts(there.roots)).map(({ deviceNumber }) => deviceNumber)).toEqual(['7:5', '0:45'])
    await mkdir(join(there.folder, '4711'))
    await writeFile(join(there.folder, '4711', 'mountinfo'), `90 80 0:44 / /data rw - btrfs ${disk} rw\n`)
    await symlinkNamespaces(there.folder)
    expect(await mountedElsewhere(there.roots, '7:5')).toEqual([4711])
  })
})

async function symlinkNamespaces(proc: string): Promise<void> {
  for (const pid of ['self', '4711']) {
    await mkdir(join(proc, pid, 'ns'))
    await symlink(`mnt:[${pid === 'self' ? 1 : 2}]`, join(proc, pid, 'ns', 'mnt'))
  }
}
