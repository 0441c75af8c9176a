import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { HostMachine } from '../../../src/lib/host/host.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'
import { requirement } from '../../requirements.js'
import { onLoop, run, writeImage } from './loop-image.js'

const able = requirement('mount', ['root', 'loop', { tool: 'mkfs.ext4' }, { tool: 'unshare' }])
const soon = () => deadlineIn(30_000)

describe.skipIf(!able)('mount and unmount', () => {
  let folder: string
  let mountPoint: string
  let machine: HostMachine

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-mount-'))
    mountPoint = join(folder, 'volumes', 'db')
    machine = createHostMachine({ stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') })
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  async function onFilesystem(name: string, action: (devicePath: string) => Promise<void>): Promise<void> {
    const file = join(folder, name)
    await writeImage(file, 32 * 1024 ** 2)
    await onLoop(file, async (devicePath) => {
      try {
        await machine.makeFilesystem({ devicePath, type: 'ext4', uuid: randomUUID() }, soon())
        await action(devicePath)
      } finally {
        await machine.unmount(mountPoint, soon())
      }
    })
  }

  it('makes the mount point, is idempotent both ways, and shows in mounts()', async () => {
    await onFilesystem('a.img', async (devicePath) => {
      const request = { devicePath, mountPoint, type: 'ext4', options: ['noatime'] } as const
      await machine.mount(request, soon())
      await machine.mount(request, soon())
      const found = (await machine.mounts()).filter((entry) => entry.mountPoint === mountPoint)
      expect(found).toHaveLength(1)
      expect(found[0]).toMatchObject({ source: devicePath, filesystem: 'ext4', root: '/' })
      expect(found[0]?.options).toContain('noatime')
      await machine.unmount(mountPoint, soon())
      await machine.unmount(mountPoint, soon())
      expect((await machine.mounts()).filter((entry) => entry.mountPoint === mountPoint)).toEqual([])
    })
  })

  it('knows its own mount behind a symbolic link', async () => {
    await onFilesystem('a.img', async (devicePath) => {
      await mkdir(mountPoint, { recursive: true })
      const link = join(folder, 'link')
      await symlink(mountPoint, link)
      await machine.mount({ devicePath, mountPoint: link, type: 'ext4' }, soon())
      await machine.mount({ devicePath, mountPoint, type: 'ext4' }, soon())
      await machine.unmount(link, soon())
      expect((await machine.mounts()).some((entry) => entry.mountPoint === mountPoint)).toBe(false)
    })
  })

  it('does not cover up what another device has there', async () => {
    await onFilesystem('a.img', async (zombie) => {
      await machine.mount({ devicePath: zombie, mountPoint, type: 'ext4' }, soon())
      await onLoop(join(folder, 'a.img'), async (other) => {
        const mount = machine.mount({ devicePath: other, mountPoint, type: 'ext4' }, soon())
        await expect(mount).rejects.toMatchObject({ code: 'EACSMOUNTPOINT', kind: 'conflict' })
      })
    })
  })

  it('gives the words of mount when it fails', async () => {
    const file = join(folder, 'blank.img')
    await writeImage(file, 8 * 1024 ** 2)
    await onLoop(file, async (devicePath) => {
      await expect(machine.mount({ devicePath, mountPoint, type: 'ext4' }, soon())).rejects.toMatchObject({
        code: 'EACSMOUNT',
        message: expect.stringContaining('wrong fs type') as string,
      })
    })
  })

  it('names a mount on top and another mount namespace as what keeps it busy', async () => {
    await onFilesystem('a.img', async (devicePath) => {
      await machine.mount({ devicePath, mountPoint, type: 'ext4' }, soon())
      const nested = join(mountPoint, 'nested')
      await mkdir(nested)
      await run('mount', ['-t', 'tmpfs', 'acs-test', nested])
      try {
        await expect(machine.unmount(mountPoint, deadlineIn(300))).rejects.toMatchObject({
          code: 'EACSBUSY',
          details: { nested: [nested] },
        })
      } finally {
        await run('umount', [nested])
      }
    })
  })

  it('does not let go of a device that a mount namespace still has', async () => {
    await onFilesystem('a.img', async (devicePath) => {
      await machine.mount({ devicePath, mountPoint, type: 'ext4' }, soon())
      const container = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo up; exec sleep 60'])
      await new Promise((resolve) => container.stdout.once('data', resolve))
      try {
        await machine.unmount(mountPoint, soon())
        const { assertUnused } = await import('../../../src/lib/host/blockdev.js')
        const { machineRoots } = await import('../../../src/lib/host/roots.js')
        await expect(assertUnused(machineRoots, devicePath, 'detach', soon())).rejects.toMatchObject({
          code: 'EACSBUSY',
          message: expect.stringContaining(`mount namespace of process ${container.pid ?? 0}`) as string,
        })
      } finally {
        const ended = new Promise((resolve) => container.once('exit', resolve))
        container.kill('SIGKILL')
        await ended
      }
    })
  })

  it('tells hosts and boots apart', async () => {
    const identity = await machine.identity()
    expect(identity.bootId).toBe((await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim())
    expect(identity.hostName).not.toBe('')
  })
})
