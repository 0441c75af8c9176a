import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { HostMachine, Initiator } from '../../../src/lib/host/host.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'
import { findProcesses } from '../../../src/lib/host/processes.js'
import { requirement } from '../../requirements.js'
import { keepFiles } from '../../secrets/evidence.js'
import { learnSecret } from '../../secrets/secrets.js'
import { run } from './loop-image.js'
import { startTgt, type Tgt, type TgtDisk } from './tgtd.js'

const able = requirement('userspace initiator', [
  'root',
  'fuse',
  'loop',
  { tool: 'qemu-storage-daemon' },
  { tool: 'iscsi-inq' },
  { tool: 'tgtd' },
])
const soon = () => deadlineIn(60_000)
const uuid = randomUUID()

describe.skipIf(!able)('userspace initiator', () => {
  let folder: string
  let mountPoint: string
  let tgt: Tgt
  let machine: HostMachine
  let initiator: Initiator

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-us-'))
    mountPoint = join(folder, 'mnt')
    await mkdir(mountPoint)
    tgt = await startTgt(folder)
    machine = createHostMachine({ stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') })
    initiator = await machine.initiator('userspace', soon())
  })

  afterEach(async () => {
    // Also after a failed test: nothing may be left for the next one, nor for the machine.
    await machine.unmount(mountPoint, soon())
    for (const disk of await initiator.attached(soon())) await initiator.detach({ ...disk, portal: '' }, soon())
    await initiator.sweep(soon())
  })

  afterAll(async () => {
    await tgt.close()
    keepFiles(folder)
    await rm(folder, { recursive: true, force: true })
  })

  function newDisk(options: { sizeBytes?: number; blockSize?: number } = {}): Promise<TgtDisk> {
    const serial = randomUUID()
    return tgt.addDisk({
      targetName: `iqn.2010-06.com.nutanix:${serial}`,
      serial,
      sizeBytes: 64 * 1024 ** 2,
      ...options,
    })
  }

  async function daemons(): Promise<number[]> {
    const found = await findProcesses('/proc', (argv) => argv.some((arg) => arg.startsWith(join(folder, 'run'))))
    return found.map((daemon) => daemon.pid)
  }

  async function leftovers(): Promise<string[]> {
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(folder))
    const { stdout } = await run('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'])
    const loops = stdout.split('\n').filter((line) => line.includes(folder))
    const folders = await readdir(join(folder, 'run', 'disks')).catch(() => [])
    return [...mounts, ...loops, ...(await daemons()).map((pid) => `pid ${pid}`), ...folders]
  }

  it('lacks nothing here, and has a name that stays', async () => {
    expect(await initiator.missing(soon())).toEqual([])
    const again = await createHostMachine({ stateFolder: join(folder, 'state'), runtimeFolder: folder }).initiator(
      'userspace',
      soon(),
    )
    expect(await again.name()).toBe(await initiator.name())
    expect(await initiator.name()).toMatch(/^iqn\.2026-01\.io\.acs:[a-z0-9.-]+-[0-9a-f]{12}$/)
  })

  it('runs 20 cycles of attach, mkfs, mount, write, unmount, detach and leaves nothing behind', async () => {
    const disk = await newDisk()
    for (let cycle = 0; cycle < 20; cycle += 1) {
      const data = randomBytes(1_000_000)
      const first = await initiator.attach(disk, soon())
      if (cycle === 0) await machine.makeFilesystem({ devicePath: first.devicePath, type: 'ext4', uuid }, soon())
      await machine.mount({ devicePath: first.devicePath, mountPoint, type: 'ext4' }, soon())
      if (cycle > 0) expect(await readdir(mountPoint)).toContain(`file-${cycle - 1}`)
      await writeFile(join(mountPoint, `file-${cycle}`), data)
      await machine.unmount(mountPoint, soon())
      await initiator.detach(disk, soon())
      expect(await leftovers()).toEqual([])

      const second = await initiator.attach(disk, soon())
      await machine.mount({ devicePath: second.devicePath, mountPoint, type: 'ext4' }, soon())
      expect((await readFile(join(mountPoint, `file-${cycle}`))).equals(data)).toBe(true)
      await machine.unmount(mountPoint, soon())
      await initiator.detach(disk, soon())
    }
    expect(await leftovers()).toEqual([])
  })

  it('attaches the same disk once, also when asked twice at the same time', async () => {
    const disk = await newDisk()
    const [one, two] = await Promise.all([initiator.attach(disk, soon()), initiator.attach(disk, soon())])
    expect(two).toEqual(one)
    expect(await initiator.attach(disk, soon())).toEqual(one)
    expect(await initiator.attached(soon())).toEqual([one])
    expect(await daemons()).toHaveLength(1)
  })

  it.each([
    ['serial', { serial: randomUUID() }],
    ['size', { sizeBytes: 65 * 1024 ** 2 }],
  ])('refuses a disk of another %s, and leaves nothing behind', async (_what, other) => {
    const disk = await newDisk()
    await expect(initiator.attach({ ...disk, ...other }, soon())).rejects.toMatchObject({ code: 'EACSWRONGDISK' })
    expect(await leftovers()).toEqual([])
  })

  it('says why it cannot log in, and leaves nothing behind', async () => {
    const disk = await newDisk()
    const absent = { ...disk, targetName: `${disk.targetName}-absent` }
    await expect(initiator.attach(absent, soon())).rejects.toMatchObject({ code: 'EACSNOTALLOWED', kind: 'auth' })
    const nowhere = { ...disk, portal: '127.0.0.1:1' }
    await expect(initiator.attach(nowhere, soon())).rejects.toMatchObject({ code: 'EACSPORTALDOWN', kind: 'timeout' })
    expect(await leftovers()).toEqual([])
  })

  it('keeps the sector size of the disk', async () => {
    const attached = await initiator.attach(await newDisk({ blockSize: 4096 }), soon())
    const { stdout } = await run('blockdev', ['--getss', attached.devicePath])
    expect(stdout.trim()).toBe('4096')
  })

  it('proves itself by CHAP, and shows the secret nowhere', async () => {
    const disk = await newDisk()
    const chap = { username: 'acs', secret: `S3cret-${randomBytes(4).toString('hex')}` }
    // Looked for in what every process of this test file shows, too.
    learnSecret('a CHAP secret', chap.secret)
    await tgt.admin('--op', 'new', '--mode', 'account', '--user', chap.username, '--password', chap.secret)
    await tgt.admin('--op', 'bind', '--mode', 'account', '--tid', String(disk.tid), '--user', chap.username)
    const wrong = { ...disk, chap: { ...chap, secret: 'not-the-secret' } }
    await expect(initiator.attach(wrong, soon())).rejects.toMatchObject({ code: 'EACSCHAP', kind: 'auth' })
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ kind: 'auth' })
    await initiator.attach({ ...disk, chap }, soon())
    expect(await initiator.attach({ ...disk, chap }, soon())).toMatchObject({ targetName: disk.targetName })
    const [pid] = await daemons()
    expect(await readFile(`/proc/${pid ?? 0}/cmdline`, 'utf8')).not.toContain(chap.secret)
    expect(await readFile(`/proc/${pid ?? 0}/environ`, 'utf8')).not.toContain(chap.secret)
    const grep = run('grep', ['-r', '--devices=skip', chap.secret, join(folder, 'run'), join(folder, 'state')])
    await expect(grep).rejects.toMatchObject({ code: 1 })
    const mutual = { ...disk, chap: { ...chap, mutual: chap } }
    await expect(initiator.attach(mutual, soon())).rejects.toMatchObject({ code: 'EACSMUTUALCHAP' })
  })

  it('does not detach a mounted disk, and names who holds a mount', async () => {
    const disk = await newDisk()
    const attached = await initiator.attach(disk, soon())
    await machine.makeFilesystem({ devicePath: attached.devicePath, type: 'ext4', uuid }, soon())
    await machine.mount({ devicePath: attached.devicePath, mountPoint, type: 'ext4' }, soon())
    await expect(initiator.detach(disk, soon())).rejects.toMatchObject({
      code: 'EACSBUSY',
      message: expect.stringContaining(mountPoint) as string,
    })
    const holder = spawn('sleep', ['60'], { cwd: mountPoint })
    await expect(machine.unmount(mountPoint, deadlineIn(700))).rejects.toMatchObject({
      code: 'EACSBUSY',
      details: { holders: [{ pid: holder.pid, command: 'sleep 60' }] },
    })
    holder.kill()
    await machine.unmount(mountPoint, soon())
    await initiator.detach(disk, soon())
    expect(await leftovers()).toEqual([])
  })

  it('waits for a program that only looks at the disk, and names one that stays', async () => {
    const disk = await newDisk()
    const { devicePath } = await initiator.attach(disk, soon())
    const staying = spawn('sh', ['-c', 'exec sleep 60 < "$0"', devicePath])
    await new Promise((resolve) => staying.once('spawn', resolve))
    await vi.waitFor(async () => expect(await readlink(`/proc/${staying.pid ?? 0}/fd/0`)).toBe(devicePath))
    await expect(initiator.detach(disk, soon())).rejects.toMatchObject({
      code: 'EACSBUSY',
      message: expect.stringContaining(`process ${staying.pid ?? 0} (sleep 60)`) as string,
    })
    setTimeout(() => staying.kill(), 1_000)
    await initiator.detach(disk, soon())
    expect(await leftovers()).toEqual([])
  })

  it('survives a daemon that is killed under a mount: unmount, detach, attach again, data whole', async () => {
    const disk = await newDisk()
    const attached = await initiator.attach(disk, soon())
    await machine.makeFilesystem({ devicePath: attached.devicePath, type: 'ext4', uuid }, soon())
    await machine.mount({ devicePath: attached.devicePath, mountPoint, type: 'ext4' }, soon())
    await writeFile(join(mountPoint, 'kept'), 'kept', { flush: true })
    for (const pid of await daemons()) process.kill(pid, 'SIGKILL')
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ code: 'EACSBUSY' })
    expect(await initiator.sweep(soon())).toEqual([])
    await machine.unmount(mountPoint, soon())
    const again = await initiator.attach(disk, soon())
    await machine.checkFilesystem(again.devicePath, 'ext4', soon())
    await machine.mount({ devicePath: again.devicePath, mountPoint, type: 'ext4' }, soon())
    expect(await readFile(join(mountPoint, 'kept'), 'utf8')).toBe('kept')
  })

  it('sweeps what a killed daemon left, and nothing that works', async () => {
    const dead = await newDisk()
    const alive = await newDisk()
    await initiator.attach(dead, soon())
    const [pid] = await daemons()
    const kept = await initiator.attach(alive, soon())
    process.kill(pid ?? 0, 'SIGKILL')
    const removed = await initiator.sweep(soon())
    expect(removed).toHaveLength(1)
    expect(removed[0]).toContain(dead.targetName)
    expect(await initiator.attached(soon())).toEqual([kept])
    expect(await initiator.sweep(soon())).toEqual([])
  })

  it('sweeps a daemon whose folder somebody emptied', async () => {
    const disk = await newDisk()
    await initiator.attach(disk, soon())
    const [name] = await readdir(join(folder, 'run', 'disks'))
    for (const file of ['disk.json', 'qmp', 'pid']) await rm(join(folder, 'run', 'disks', name ?? '', file))
    for (const pid of await daemons()) process.kill(pid, 'SIGKILL')
    await initiator.sweep(soon())
    expect(await leftovers()).toEqual([])
  })

  it('ends the I/O of a session that was revoked', async () => {
    const disk = await newDisk()
    const attached = await initiator.attach(disk, soon())
    await tgt.revoke(disk)
    const read = run('dd', [`if=${attached.devicePath}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct'])
    const swept = initiator.sweep(soon())
    await expect(read).rejects.toMatchObject({ stderr: expect.stringContaining('Input/output error') as string })
    expect((await swept).join()).toContain('no longer use')
    expect(await leftovers()).toEqual([])
  })

  it('detaches a disk whose target is gone', async () => {
    const disk = await newDisk()
    await initiator.attach(disk, soon())
    await tgt.revoke(disk)
    await initiator.detach(disk, soon())
    expect(await leftovers()).toEqual([])
  })

  it.each([
    'attach:before-daemon',
    'attach:after-daemon',
    'attach:after-loop',
    'detach:before-loop',
    'detach:after-loop',
    'detach:after-daemon',
    'detach:after-export',
  ])('ends right after a kill -9 at %s, by the same command, by the other, and by sweep', async (checkpoint) => {
    const disk = await newDisk()
    const action = checkpoint.startsWith('attach') ? 'attach' : 'detach'
    const crash = async (): Promise<void> => {
      if (action === 'detach') await initiator.attach(disk, soon())
      const args = [action, checkpoint, join(folder, 'run'), join(folder, 'state'), JSON.stringify(disk)]
      const script = join(import.meta.dirname, 'crash-child.ts')
      const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], { stdio: 'ignore' })
      expect(await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))).toBe('SIGKILL')
    }
    await crash()
    const attached = await initiator.attach(disk, soon())
    expect(await initiator.attached(soon())).toEqual([attached])
    expect(await daemons()).toHaveLength(1)
    await initiator.detach(disk, soon())
    expect(await leftovers()).toEqual([])
    await crash()
    await initiator.detach(disk, soon())
    expect(await leftovers()).toEqual([])
    await crash()
    await initiator.sweep(soon())
    // A kill after the last step of attach, or before the first of detach, leaves a whole disk: not a leftover.
    const whole = ['attach:after-loop', 'detach:before-loop'].includes(checkpoint)
    expect(await initiator.attached(soon())).toHaveLength(whole ? 1 : 0)
    if (!whole) expect(await leftovers()).toEqual([])
  })
})
