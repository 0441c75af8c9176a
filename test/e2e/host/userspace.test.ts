import { execFile } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createRunner } from '../../../src/lib/host/exec.js'
import type { Initiator } from '../../../src/lib/host/host.js'
import { createUserspaceInitiator } from '../../../src/lib/host/iscsi/userspace.js'
import { createLocks } from '../../../src/lib/host/lock.js'
import { findProcesses } from '../../../src/lib/host/processes.js'
import { machineRoots } from '../../../src/lib/host/roots.js'
import { requirement } from '../../requirements.js'
import { startTgt, type Tgt, type TgtDisk } from './tgtd.js'

const run = promisify(execFile)
const able = requirement('userspace initiator', [
  'root',
  'fuse',
  'loop',
  { tool: 'qemu-storage-daemon' },
  { tool: 'iscsi-inq' },
  { tool: 'tgtd' },
])
const soon = () => deadlineIn(60_000)

describe.skipIf(!able)('userspace initiator', () => {
  let folder: string
  let tgt: Tgt
  let initiator: Initiator

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-us-'))
    tgt = await startTgt(folder)
    initiator = createUserspaceInitiator({
      runner: createRunner(),
      locks: createLocks(),
      roots: machineRoots,
      stateFolder: join(folder, 'state'),
      runtimeFolder: join(folder, 'run'),
    })
  })

  afterAll(async () => {
    for (const disk of await initiator.attached(soon())) await initiator.detach({ ...disk, portal: '' }, soon())
    await tgt.close()
    await rm(folder, { recursive: true, force: true })
  })

  function newDisk(sizeBytes = 64 * 1024 ** 2): Promise<TgtDisk> {
    const serial = randomUUID()
    return tgt.addDisk({ targetName: `iqn.2010-06.com.nutanix:${serial}`, serial, sizeBytes })
  }

  async function leftovers(): Promise<string[]> {
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(folder))
    const { stdout } = await run('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'])
    const loops = stdout.split('\n').filter((line) => line.includes(folder))
    const daemons = await findProcesses('/proc', (argv) => argv.some((arg) => arg.startsWith(join(folder, 'run'))))
    const { stdout: folders } = await run('find', [join(folder, 'run'), '-path', '*/disks/*'])
    return [
      ...mounts,
      ...loops,
      ...daemons.map((daemon) => `pid ${daemon.pid}`),
      ...folders.split('\n').filter(Boolean),
    ]
  }

  it('lacks nothing here', async () => {
    expect(await initiator.missing(soon())).toEqual([])
  })

  it('keeps data over detach and attach, and leaves nothing behind', async () => {
    const disk = await newDisk()
    const mountPoint = join(folder, 'mnt')
    await mkdir(mountPoint, { recursive: true })
    const data = randomBytes(3_000_000)
    const first = await initiator.attach(disk, soon())
    expect(first.sizeBytes).toBe(disk.sizeBytes)
    await run('mkfs.ext4', ['-q', first.devicePath])
    await run('mount', [first.devicePath, mountPoint])
    await writeFile(join(mountPoint, 'data'), data)
    await run('umount', [mountPoint])
    await initiator.detach(disk, soon())
    expect(await leftovers()).toEqual([])

    const second = await initiator.attach(disk, soon())
    await run('mount', [second.devicePath, mountPoint])
    const read = await readFile(join(mountPoint, 'data'))
    await run('umount', [mountPoint])
    await initiator.detach(disk, soon())
    expect(sha256(read)).toBe(sha256(data))
    expect(await leftovers()).toEqual([])
  })
})

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
