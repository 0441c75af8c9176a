import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { DiskAddress, FilesystemType, HostMachine, Initiator } from '../../../src/lib/host/host.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'
import type { Prism } from '../../../src/lib/prism/prism.js'
import { startLab, type Lab } from '../../integration/prism/simulated.js'
import { requirement } from '../../requirements.js'
import { run } from './loop-image.js'

const able = requirement('userspace initiator against the simulator', [
  'root',
  'fuse',
  'loop',
  { tool: 'qemu-storage-daemon' },
  { tool: 'iscsi-inq' },
])
const soon = () => deadlineIn(60_000)
const mib = 1024 ** 2
/** linux/capability.h; sandboxes often take it from root, and ext4 then grows offline only. */
const sysResource = 24

function hasCapability(bit: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n
}

describe.skipIf(!able)('userspace initiator against the simulator', () => {
  let folder: string
  let mountPoint: string
  let lab: Lab
  let prism: Prism
  let machine: HostMachine
  let initiator: Initiator

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-sim-host-'))
    mountPoint = join(folder, 'mnt')
    await mkdir(mountPoint)
    lab = await startLab()
    prism = lab.connect()
    machine = createHostMachine({ stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') })
    initiator = await machine.initiator('userspace', soon())
  })

  // Runs before the lab's own clean-up: the disk goes before its target.
  afterEach(async () => {
    await machine.unmount(mountPoint, soon())
    for (const disk of await initiator.attached(soon())) await initiator.detach({ ...disk, portal: '' }, soon())
    expect(await initiator.sweep(soon())).toEqual([])
    await rm(folder, { recursive: true, force: true })
  })

  async function newDisk(sizeMiB: number): Promise<DiskAddress & { group: string }> {
    const group = randomUUID()
    const created = await prism.createVolumeGroup({
      name: `host-${group}`,
      uuid: group,
      disks: [{ sizeBytes: sizeMiB * mib, storageContainerUuid: lab.containerUuid }],
    })
    if (created.taskUuid !== undefined) await prism.waitForTask(created.taskUuid)
    await prism.allowInitiator(created.uuid, { clientAddress: await initiator.name() })
    const found = await prism.volumeGroup(created.uuid)
    const disk = found.disks[0]!
    return {
      group: created.uuid,
      portal: lab.sim.dataServices,
      targetName: `iqn.2010-06.com.nutanix:${found.iscsiTarget}`,
      lun: disk.index,
      serial: disk.uuid,
      sizeBytes: disk.sizeBytes,
    }
  }

  it.each<[FilesystemType, number, number]>([
    ['ext4', 64, 160],
    ['xfs', 320, 640],
    ['btrfs', 160, 320],
  ])('formats, fills, grows online and reads back %s over a redirected login', async (type, before, after) => {
    const disk = await newDisk(before)
    const attached = await initiator.attach(disk, soon())
    const { devicePath } = attached
    expect((await machine.deviceContent(devicePath, soon())).state).toBe('blank')
    await machine.makeFilesystem(
      { devicePath, type, uuid: randomUUID(), label: 'a label that is far too long' },
      soon(),
    )
    await machine.mount({ devicePath, mountPoint, type, options: ['noatime'] }, soon())
    const data = randomBytes(4 * mib)
    await writeFile(join(mountPoint, 'data'), data)
    const small = await machine.usage(mountPoint, soon())

    const task = await prism.resizeDisk(disk.group, disk.lun, after * mib)
    if (task.taskUuid !== undefined) await prism.waitForTask(task.taskUuid)
    expect(await initiator.refreshSize(attached, soon())).toBe(after * mib)
    if (type === 'ext4' && !hasCapability(sysResource)) {
      await expect(machine.growFilesystem({ devicePath, mountPoint, type }, soon())).rejects.toMatchObject({
        code: 'EACSNOCAPABILITY',
      })
      await machine.unmount(mountPoint, soon())
      await machine.growFilesystem({ devicePath, type }, soon())
      await machine.mount({ devicePath, mountPoint, type }, soon())
    } else {
      await machine.growFilesystem({ devicePath, mountPoint, type }, soon())
    }
    const large = await machine.usage(mountPoint, soon())
    expect(large.sizeBytes).toBeGreaterThan(small.sizeBytes * 1.5)
    await machine.freeze(mountPoint, soon())
    await machine.thaw(mountPoint, soon())
    await machine.unmount(mountPoint, soon())
    await initiator.detach(disk, soon())

    const again = await initiator.attach({ ...disk, sizeBytes: after * mib }, soon())
    expect(await machine.checkFilesystem(again.devicePath, type, soon())).toEqual([])
    await machine.mount({ devicePath: again.devicePath, mountPoint, type, readOnly: true }, soon())
    expect((await readFile(join(mountPoint, 'data'))).equals(data)).toBe(true)
  })

  it('outlives a dropped session', async () => {
    const disk = await newDisk(64)
    const { devicePath } = await initiator.attach(disk, soon())
    lab.sim.addFault({ kind: 'iscsi-drop', count: 1, match: '*' })
    await run('dd', ['if=/dev/urandom', `of=${devicePath}`, 'bs=1M', 'count=8', 'oflag=direct', 'status=none'])
    await run('dd', [`if=${devicePath}`, 'of=/dev/null', 'bs=1M', 'count=8', 'iflag=direct', 'status=none'])
    expect(lab.sim.listFaults()).toEqual([])
    expect(await initiator.attached(soon())).toHaveLength(1)
  })

  it('ends the I/O of a machine that was revoked, and attaches again once allowed', async () => {
    const disk = await newDisk(64)
    const { devicePath } = await initiator.attach(disk, soon())
    await machine.makeFilesystem({ devicePath, type: 'ext4', uuid: randomUUID() }, soon())
    await machine.mount({ devicePath, mountPoint, type: 'ext4' }, soon())
    await prism.revokeInitiator(disk.group, await initiator.name())
    await initiator.failIo?.(disk, soon())
    const write = run('dd', ['if=/dev/zero', `of=${mountPoint}/late`, 'bs=4096', 'count=1', 'conv=fsync'])
    await expect(write).rejects.toMatchObject({ code: 1 })
    await machine.unmount(mountPoint, soon())
    await initiator.detach(disk, soon())
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ code: 'EACSNOTALLOWED' })
    await prism.allowInitiator(disk.group, { clientAddress: await initiator.name() })
    const again = await initiator.attach(disk, soon())
    await machine.checkFilesystem(again.devicePath, 'ext4', soon())
    await machine.mount({ devicePath: again.devicePath, mountPoint, type: 'ext4' }, soon())
  })

  it('sees I/O errors of the disk as probe errors, and formats nothing', async () => {
    const disk = await newDisk(64)
    const { devicePath } = await initiator.attach(disk, soon())
    lab.sim.addFault({ kind: 'disk-error', count: null, match: '*' })
    await expect(machine.deviceContent(devicePath, soon())).rejects.toMatchObject({ code: 'EACSPROBE' })
    const format = machine.makeFilesystem({ devicePath, type: 'ext4', uuid: randomUUID() }, soon())
    await expect(format).rejects.toMatchObject({ code: 'EACSPROBE' })
  })
})
