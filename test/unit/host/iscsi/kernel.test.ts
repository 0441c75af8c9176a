import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../../src/lib/base/deadline.js'
import type { DiskAddress, Initiator } from '../../../../src/lib/host/host.js'
import { createKernelInitiator } from '../../../../src/lib/host/iscsi/kernel.js'
import { FakeKernel } from './fake-kernel.js'

const gib = 1024 ** 3
const disk: DiskAddress = {
  portal: '10.0.0.5:3260',
  targetName: 'iqn.2010-06.com.nutanix:db-6f3c0d29',
  lun: 1,
  serial: '6f3c0d29-0a8b-4f2e-9a3c-3a8e7a5f0c11',
  sizeBytes: gib,
}
const other = { serial: '11111111-2222-3333-4444-555555555555', sizeBytes: gib }
const record = `etc/iscsi/nodes/${disk.targetName}/10.0.0.5,3260`
const soon = () => deadlineIn(5_000)

describe('kernel initiator', () => {
  let kernel: FakeKernel
  let initiator: Initiator

  beforeEach(() => {
    kernel = new FakeKernel()
    kernel.luns.set(1, { serial: disk.serial, sizeBytes: disk.sizeBytes })
    initiator = createKernelInitiator({
      runner: kernel.runner,
      locks: kernel.locks,
      roots: kernel.roots,
      runtimeFolder: join(kernel.folder, 'run'),
      stateFolder: join(kernel.folder, 'state'),
    })
  })
  afterEach(() => kernel.remove())

  const ranLike = (text: string): string[] => kernel.ran.filter((line) => line.includes(text))

  it('logs in, scans exactly one LUN, and takes everything down again', async () => {
    const attached = await initiator.attach(disk, soon())
    expect(attached).toMatchObject({ deviceNumber: '8:16', sizeBytes: gib, initiator: 'kernel' })
    expect(ranLike('--login')).toHaveLength(1)
    expect(kernel.read(record)).toMatch(/^node\.session\.scan = manual$/m)
    expect(kernel.read(record)).toMatch(/^node\.startup = manual$/m)
    expect(kernel.read(record)).toMatch(/^node\.conn\[0\]\.timeo\.login_timeout = 10$/m)
    expect(await initiator.attached(soon())).toEqual([attached])
    // Again: the session is looked at first, nothing is done twice.
    expect(await initiator.attach(disk, soon())).toEqual(attached)
    expect(ranLike('--login')).toHaveLength(1)
    expect(ranLike('/scan')).toHaveLength(1)

    await initiator.detach(disk, soon())
    expect(kernel.sessionNames()).toEqual([])
    expect(kernel.exists(record)).toBe(false)
    expect(await initiator.attached(soon())).toEqual([])
    const order = kernel.ran.slice(-5).map((line) => line.replace(/^(\w+).*?([\w-]+)$/, '$1 $2'))
    expect(order).toEqual(['blockdev sdb', 'tee state', 'tee delete', 'iscsiadm --logout', 'iscsiadm delete'])
    await initiator.detach(disk, soon())
  })

  it('fails I/O, and takes down, where the kernel has given the session up', async () => {
    await initiator.attach(disk, soon())
    const state = `sys/devices/platform/host1/session1/target1:0:0/1:0:0:${disk.lun}/state`
    expect(kernel.exists(state)).toBe(true)
    kernel.write(state, 'transport-offline\n')
    await initiator.failIo!(disk, soon())
    expect(kernel.read(state)).toBe('transport-offline\n')
    await initiator.detach(disk, soon())
    expect(kernel.sessionNames()).toEqual([])
  })

  it('writes CHAP into the record, 0600, and shows it to no command', async () => {
    const chap = { username: 'acs', secret: 'correct horse', mutual: { username: 'prism', secret: 'battery staple' } }
    await initiator.attach({ ...disk, chap }, soon())
    expect(kernel.read(record)).toContain('node.session.auth.password = correct horse')
    expect(kernel.read(record)).toContain('node.session.auth.password_in = battery staple')
    expect(statSync(join(kernel.folder, record)).mode & 0o777).toBe(0o600)
    expect(kernel.ran.join('\n')).not.toMatch(/horse|staple/)
  })

  it('takes a session that is there already, also one that came up meanwhile (exit 15)', async () => {
    kernel.addSession(disk.targetName, disk.portal)
    await initiator.attach(disk, soon())
    expect(ranLike('--login')).toEqual([])
  })

  it('tries a locked node database again', async () => {
    kernel.failures.set('new', [6, 6])
    await initiator.attach(disk, soon())
    expect(ranLike('-o new')).toHaveLength(3)
  })

  it.each([
    [24, 'EACSCHAP'],
    [19, 'EACSNOTALLOWED'],
    [8, 'EACSPORTALDOWN'],
    [20, 'EACSISCSID'],
  ])('a login that exits with %i is %s, and its record is gone', async (exitCode, code) => {
    kernel.failures.set('--login', [exitCode])
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ code })
    expect(kernel.exists(record)).toBe(false)
    expect(await initiator.sweep(soon())).toEqual([])
  })

  it.each([
    ['rescan shows the right disk', true],
    ['only removal and a new scan show the right disk', false],
  ])('does not believe a stale LUN: %s', async (_name, heals) => {
    kernel.rescanHeals = heals
    const session = kernel.addSession(disk.targetName, disk.portal)
    const stale = kernel.addDevice(session, 1, other)
    const attached = await initiator.attach(disk, soon())
    expect(ranLike('/rescan')).toHaveLength(1)
    expect(ranLike('/scan')).toHaveLength(heals ? 0 : 1)
    expect(attached.devicePath.endsWith(stale)).toBe(heals)
  })

  it('does not remove a stale LUN that is mounted', async () => {
    kernel.rescanHeals = false
    const session = kernel.addSession(disk.targetName, disk.portal)
    kernel.addDevice(session, 1, other)
    kernel.write('proc/self/mountinfo', '61 27 8:16 / /data rw - ext4 /dev/sdb rw\n')
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ code: 'EACSBUSY' })
    expect(ranLike('/delete')).toEqual([])
    expect(kernel.sessionNames()).toEqual([session])
  })

  it.each([
    ['serial', other],
    ['size', { serial: disk.serial, sizeBytes: 2 * gib }],
  ])('refuses a disk of another %s and leaves nothing', async (_what, found) => {
    kernel.luns.set(1, found)
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ code: 'EACSWRONGDISK' })
    expect(kernel.sessionNames()).toEqual([])
    expect(kernel.exists(record)).toBe(false)
  })

  it('keeps the session while another LUN uses it', async () => {
    await initiator.attach(disk, soon())
    const [session] = kernel.sessionNames()
    kernel.addDevice(session ?? '', 2, other)
    await initiator.detach(disk, soon())
    expect(kernel.sessionNames()).toEqual([session])
    expect(ranLike('--logout')).toEqual([])
    expect(kernel.exists(record)).toBe(true)
  })

  it('refuses to detach a disk in use, by mount and by device on top', async () => {
    await initiator.attach(disk, soon())
    kernel.write('proc/self/mountinfo', '61 27 8:16 / /data rw - ext4 /dev/sdb rw\n')
    await expect(initiator.detach(disk, soon())).rejects.toMatchObject({ code: 'EACSBUSY' })
    kernel.write('proc/self/mountinfo', '')
    kernel.write('sys/class/block/sdb/holders/dm-7', '')
    await expect(initiator.detach(disk, soon())).rejects.toMatchObject({
      message: expect.stringContaining('/dev/dm-7') as string,
    })
    expect(ranLike('/delete')).toEqual([])
  })

  it('gives the multipath map where there is one, and flushes it instead of the path', async () => {
    const session = kernel.addSession(disk.targetName, disk.portal)
    kernel.addMap(kernel.addDevice(session, 1, { serial: disk.serial, sizeBytes: gib }), gib)
    expect(await initiator.attach(disk, soon())).toMatchObject({ deviceNumber: '252:3' })
    await initiator.detach(disk, soon())
    expect(ranLike('--flushbufs').map((line) => line.split('/').at(-1))).toEqual([kernel.mapName])
    expect(ranLike('multipath -f mpatha')).toHaveLength(1)
    expect(kernel.sessionNames()).toEqual([])
  })

  it('refuses a multipath map of another size than its path', async () => {
    const session = kernel.addSession(disk.targetName, disk.portal)
    kernel.addMap(kernel.addDevice(session, 1, { serial: disk.serial, sizeBytes: gib }), 2 * gib)
    await expect(initiator.attach(disk, soon())).rejects.toMatchObject({ code: 'EACSWRONGDISK' })
    expect(kernel.sessionNames()).toEqual([])
  })

  it('sees a disk that grew', async () => {
    const attached = await initiator.attach(disk, soon())
    kernel.luns.set(1, { serial: disk.serial, sizeBytes: 3 * gib })
    expect(await initiator.refreshSize(attached, soon())).toBe(3 * gib)
  })

  it("sweeps the node record that a machine which died has left, and nobody else's", async () => {
    await initiator.attach(disk, soon())
    // A boot: the kernel and /run begin anew, open-iscsi's database stays.
    kernel.boot()
    const other = record.replace(disk.targetName, 'iqn.2000-01.x:other')
    kernel.write(other, 'node.startup = manual\n')
    expect(await initiator.leftovers(soon())).toEqual([expect.stringContaining(disk.targetName)])
    expect(await initiator.sweep(soon())).toEqual([expect.stringContaining(disk.targetName)])
    expect([kernel.exists(record), kernel.exists(other)]).toEqual([false, true])
    expect(await initiator.sweep(soon())).toEqual([])
  })

  it("sweeps a session of ours without its LUN, and nobody else's", async () => {
    const foreign = kernel.addSession('iqn.2003-01.org.foreign:x', '10.9.9.9:3260')
    await initiator.attach(disk, soon())
    const [, ours] = kernel.sessionNames()
    // As after a crash between login and scan.
    const device = join(kernel.roots.sysfs, 'class/iscsi_session', ours ?? '', 'device')
    expect(statSync(device).isDirectory()).toBe(true)
    await kernel.runner.run('tee', [join(device, `target2:0:0/2:0:0:1/delete`)], { deadline: soon(), input: '1' })
    expect(await initiator.leftovers(soon())).toEqual([expect.stringContaining(disk.targetName)])
    expect(kernel.sessionNames()).toHaveLength(2)
    expect(await initiator.sweep(soon())).toEqual([expect.stringContaining(disk.targetName)])
    expect(kernel.sessionNames()).toEqual([foreign])
    expect(await initiator.leftovers(soon())).toEqual([])
    expect(await initiator.sweep(soon())).toEqual([])
  })

  it('tells how its sessions are', async () => {
    await initiator.attach(disk, soon())
    const [name = ''] = kernel.sessionNames()
    const session = { portal: disk.portal, targetName: disk.targetName, lun: 1 }
    expect(await initiator.leftovers(soon())).toEqual([])
    expect(await initiator.sessions(soon())).toEqual([{ ...session, state: 'up' }])
    kernel.write(`sys/class/iscsi_session/${name}/state`, 'FAILED\n')
    expect(await initiator.sessions(soon())).toEqual([{ ...session, state: 'down' }])
    rmSync(join(kernel.roots.sysfs, 'class/iscsi_session', name), { recursive: true })
    expect(await initiator.sessions(soon())).toEqual([{ ...session, state: 'gone' }])
  })

  it('says what is missing', async () => {
    expect(await initiator.missing(soon())).toEqual([])
    kernel.write('etc/iscsi/initiatorname.iscsi', '')
    expect(await initiator.missing(soon())).toMatchObject([{ code: 'EACSINITIATORNAME' }])
  })
})
