import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { isAcsError } from '../../../src/lib/base/errors.js'
import { deviceContent, zeroDevice } from '../../../src/lib/host/content.js'
import { createRunner } from '../../../src/lib/host/exec.js'
import { makeFilesystem } from '../../../src/lib/host/filesystem.js'
import { machineRoots } from '../../../src/lib/host/roots.js'
import { requirement } from '../../requirements.js'
import { contentKinds } from './content-kinds.js'
import { onLoop, run, sha256, writeImage } from './loop-image.js'

const able = requirement('blank check', ['root', 'loop', { tool: 'wipefs' }, { tool: 'mkfs.ext4' }])
const mib = 1024 ** 2
const uuid = '6f3c0d29-0a8b-4f2e-9a3c-3a8e7a5f0c11'
const context = { runner: createRunner(), roots: machineRoots }
const soon = () => deadlineIn(60_000)

/** The whole point: asked to format it, we do not. */
async function codeOfFormat(devicePath: string, runner = context.runner, toolTimeoutMs?: number): Promise<string> {
  try {
    await makeFilesystem({ ...context, runner, toolTimeoutMs }, { devicePath, type: 'ext4', uuid }, soon())
    return 'FORMATTED'
  } catch (error) {
    return isAcsError(error) ? error.code : String(error)
  }
}

describe.skipIf(!able)('blank check', () => {
  let folder: string
  let file: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-content-'))
    file = join(folder, 'disk.img')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('knows at least 30 kinds', () => {
    expect(contentKinds.length).toBeGreaterThanOrEqual(30)
    expect(new Set(contentKinds.map((kind) => kind.name)).size).toBe(contentKinds.length)
  })

  it.each([1, 3, 16, 64])('calls %i MiB of zeros blank, and formats 16 and more of them', async (sizeMiB) => {
    await writeImage(file, sizeMiB * mib)
    await onLoop(file, async (devicePath) => {
      expect((await deviceContent(context, devicePath, soon())).state).toBe('blank')
      expect(await codeOfFormat(devicePath)).toBe(sizeMiB < 8 ? 'EACSTOOSMALL' : 'FORMATTED')
    })
  })

  for (const kind of contentKinds) {
    it.skipIf(
      !requirement(
        `content ${kind.name}`,
        (kind.tools ?? []).map((tool) => ({ tool })),
      ),
    )(`refuses ${kind.name}`, async () => {
      const image = join(folder, 'kind.img')
      await kind.make(image, (kind.sizeMiB ?? 16) * mib)
      const before = await sha256(image)
      await onLoop(image, async (devicePath) => {
        const content = await deviceContent(context, devicePath, soon())
        expect(content.state).not.toBe('blank')
        expect(await codeOfFormat(devicePath)).toMatch(/^EACS(NOTBLANK|TOOSMALL)$/)
      })
      expect(await sha256(image)).toBe(before)
      await rm(image)
    })
  }

  it('refuses an LVM physical volume made by pvcreate', async () => {
    await writeImage(file, 64 * mib)
    await onLoop(file, async (devicePath) => {
      await run('pvcreate', [
        '-q',
        '-y',
        '--config',
        'devices { use_devicesfile=0 } global { use_lvmpolld=0 }',
        devicePath,
      ])
      const content = await deviceContent(context, devicePath, soon())
      expect(content).toMatchObject({ state: 'data', what: 'LVM2_member' })
      expect(await codeOfFormat(devicePath)).toBe('EACSNOTBLANK')
    })
  })

  it('refuses a single non-zero byte anywhere in the first 2 MiB or the last MiB', async () => {
    const sizeBytes = 32 * mib
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.integer({ min: 0, max: 2 * mib - 1 }), fc.integer({ min: sizeBytes - mib, max: sizeBytes - 1 })),
        fc.integer({ min: 1, max: 255 }),
        async (offset, byte) => {
          await writeImage(file, sizeBytes, [[offset, Buffer.from([byte])]])
          await onLoop(file, async (devicePath) => {
            expect((await deviceContent(context, devicePath, soon())).state).toBe('data')
            expect(await codeOfFormat(devicePath)).toBe('EACSNOTBLANK')
          })
        },
      ),
      {
        numRuns: 60,
        examples: [
          [0, 1],
          [2 * mib - 1, 1],
          [sizeBytes - mib, 1],
          [sizeBytes - 1, 255],
        ],
      },
    )
  })

  it.each(['blkid', 'wipefs', 'cmp', 'blockdev'])('refuses when %s is missing', async (tool) => {
    const bin = await binWithout(join(folder, `bin-${tool}`), [tool])
    await writeImage(file, 16 * mib)
    const runner = createRunner({ path: bin })
    await onLoop(file, async (devicePath) => {
      await expect(deviceContent({ ...context, runner }, devicePath, soon())).rejects.toMatchObject({
        code: 'EACSTOOLMISSING',
        kind: 'precondition',
      })
      expect(await codeOfFormat(devicePath, runner)).toBe('EACSTOOLMISSING')
    })
  })

  it.each([
    ['blkid', 'echo "error: /dev/x: Input/output error" >&2; exit 2'],
    ['blkid', 'exit 4'],
    ['blkid', 'kill -9 $$'],
    ['wipefs', 'exit 1'],
    ['cmp', 'exit 2'],
    ['blockdev', 'exit 1'],
    ['blkid', 'sleep 60'],
    ['wipefs', 'sleep 60'],
    ['cmp', 'sleep 60'],
  ])('refuses when %s does "%s"', async (tool, script) => {
    const bin = await binWithout(await mkdtemp(join(folder, 'bin-')), [tool])
    await writeFile(join(bin, tool), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    await writeImage(file, 16 * mib)
    const runner = createRunner({ path: bin })
    await onLoop(file, async (devicePath) => {
      const tight = { ...context, runner, toolTimeoutMs: 300 }
      await expect(deviceContent(tight, devicePath, soon())).rejects.toMatchObject({ code: 'EACSPROBE' })
      expect(await codeOfFormat(devicePath, runner, 300)).toBe('EACSPROBE')
    })
  })

  it('zeroes what an interrupted mkfs left', async () => {
    await writeImage(file, 64 * mib)
    await onLoop(file, async (devicePath) => {
      expect(await codeOfFormat(devicePath)).toBe('FORMATTED')
      await zeroDevice(context, devicePath, soon())
      expect((await deviceContent(context, devicePath, soon())).state).toBe('blank')
    })
  })

  describe.skipIf(!requirement('blank check of failing disks', ['fuse', { tool: 'qemu-storage-daemon' }]))(
    'on a failing disk',
    () => {
      // A daemon whose reads of one sector fail with EIO: a real disk's bad sector, seen through FUSE and loop.
      it.each([
        ['first', 0],
        ['middle of the head', mib],
        ['last of the head', 2 * mib - 512],
        ['first of the tail', 31 * mib],
        ['last', 32 * mib - 512],
      ])('refuses when the %s sector cannot be read', async (_name, offset) => {
        await writeImage(file, 32 * mib)
        const daemon = await exportBroken(folder, file, offset / 512)
        try {
          await onLoop(daemon.exported, async (devicePath) => {
            await expect(deviceContent(context, devicePath, soon())).rejects.toMatchObject({
              code: 'EACSPROBE',
              message: expect.stringContaining('Input/output error') as string,
            })
            expect(await codeOfFormat(devicePath)).toBe('EACSPROBE')
          })
        } finally {
          await daemon.stop()
        }
      })

      it('refuses when the disk does not answer', async () => {
        await writeImage(file, 32 * mib)
        const daemon = await exportBroken(folder, file, undefined)
        try {
          await onLoop(daemon.exported, async (devicePath) => {
            daemon.process.kill('SIGSTOP')
            try {
              const tight = { ...context, toolTimeoutMs: 500 }
              await expect(deviceContent(tight, devicePath, soon())).rejects.toMatchObject({
                code: 'EACSPROBE',
                cause: { code: 'EACSTIMEOUT' },
              })
            } finally {
              daemon.process.kill('SIGCONT')
            }
          })
        } finally {
          await daemon.stop()
        }
        expect(await sha256(file)).toBe(await hashOfZeros(folder, 32 * mib))
      })
    },
  )
})

async function binWithout(bin: string, tools: readonly string[]): Promise<string> {
  await mkdir(bin, { recursive: true })
  for (const tool of ['blkid', 'wipefs', 'cmp', 'blockdev', 'mkfs.ext4', 'sleep', 'sh'].filter(
    (each) => !tools.includes(each),
  ))
    await symlink(
      (await run('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`])).stdout.trim(),
      join(bin, tool),
    )
  return bin
}

async function hashOfZeros(folder: string, sizeBytes: number): Promise<string> {
  const zeros = join(folder, 'zeros.img')
  await writeImage(zeros, sizeBytes)
  return sha256(zeros)
}

async function exportBroken(
  folder: string,
  file: string,
  badSector: number | undefined,
): Promise<{ exported: string; process: ChildProcess; stop(): Promise<void> }> {
  const exported = join(folder, 'broken')
  const ready = join(folder, 'broken.pid')
  await writeFile(exported, '')
  const bad = { event: 'none', iotype: 'read', sector: badSector, once: false, errno: 5 }
  const rules = badSector === undefined ? {} : { 'inject-error': [bad] }
  const child = spawn(
    'qemu-storage-daemon',
    [
      ...['--pidfile', ready],
      ...['--blockdev', JSON.stringify({ driver: 'file', 'node-name': 'file', filename: file })],
      ...['--blockdev', JSON.stringify({ driver: 'blkdebug', 'node-name': 'bad', image: 'file', ...rules })],
      ...[
        '--export',
        JSON.stringify({ type: 'fuse', id: 'e', 'node-name': 'bad', mountpoint: exported, writable: true }),
      ],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for (let tries = 0; !existsSync(ready); tries += 1) {
    if (tries > 200 || child.exitCode !== null) throw new Error('the storage daemon did not start')
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return {
    exported,
    process: child,
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(ready, { force: true })
    },
  }
}
