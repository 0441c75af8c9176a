import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startIscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import type { IscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import { Initiator } from './initiator.js'
import { MemoryDisk } from './memory-disk.js'
import { startTestTarget, targetName } from './test-target.js'
import type { Permissions } from './test-target.js'

const uuid = '792cd764-37b5-4da3-7ef1-0123456789ab'
let disk: MemoryDisk
let permissions: Permissions
let target: IscsiTarget
let open: Initiator[]

beforeEach(async () => {
  disk = new MemoryDisk(uuid)
  permissions = { disks: new Map([[0, disk]]) }
  target = await startTestTarget(permissions)
  open = []
})
afterEach(async () => {
  for (const one of open) one.close()
  await target.close()
})

async function session(name?: string, at = target): Promise<Initiator> {
  const one = await Initiator.connect(at.cvmPortals[0]!, name)
  open.push(one)
  await one.login({ target: targetName, keys: { ImmediateData: 'Yes', InitialR2T: 'No' } })
  expect((await one.command('00')).sense).toMatchObject({ key: 6, code: 0x2900 })
  return one
}

const invalidField = { key: 5, code: 0x2400 }
const outOfRange = { key: 5, code: 0x2100 }

describe('identity', () => {
  it('is that of a Nutanix vDisk', async () => {
    const one = await session()
    const inquiry = (await one.command('120000006000', { in: 96 })).data
    expect(inquiry.toString('latin1', 8, 36)).toBe('NUTANIX VDISK           0   ')
    expect([inquiry[0], inquiry[2]]).toEqual([0, 5])
    expect((await one.command('12018000ff00', { in: 255 })).data.toString('latin1', 4)).toBe(uuid)
    const names = (await one.command('12018300ff00', { in: 255 })).data
    expect(names.toString('hex', 8, 24)).toBe('6506b8d43' + '7b54da37ef10123456789ab')
    const limits = (await one.command('1201b000ff00', { in: 255 })).data
    expect([limits.readUInt32BE(8), limits.readUInt32BE(12)]).toEqual([8192, 2048])
  })

  it('shows in the capacity', async () => {
    const one = await session()
    const long = (await one.command('9e100000000000000000000000200000', { in: 32 })).data
    expect([Number(long.readBigUInt64BE(0)), long.readUInt32BE(8), long[13], long[14]]).toEqual([8191, 512, 3, 0xc0])
    expect((await one.command('25', { in: 8 })).data.readUInt32BE(0)).toBe(8191)
  })

  it('of a LUN without a disk is none', async () => {
    const one = await session()
    expect((await one.command('120000006000', { in: 96, lun: 7 })).data[0]).toBe(0x7f)
    expect((await one.command('00', { lun: 7 })).sense).toMatchObject({ key: 5, code: 0x2500 })
    expect((await one.command('a00000000000000010000000', { in: 4096, lun: 7 })).data.readUInt32BE(0)).toBe(8)
  })
})

describe('bad commands', () => {
  it.each([
    ['unknown opcode', 'ee', { key: 5, code: 0x2000 }],
    ['unknown service action', '9e1f', invalidField],
    ['beyond the end', '28000000200000000100', outOfRange],
    ['end just crossed', '28000000 1fff 00000200', outOfRange],
    ['a 64-bit LBA', '8800ffffffffffffffff00000001', outOfRange],
    ['protection information', '28200000000000000100', invalidField],
    ['a page nobody has', '1201ee00ff00', invalidField],
    ['a write too large', '8a000000000000000000 00ffffff', outOfRange],
  ])('%s', async (_what, cdb, expected) => {
    const one = await session()
    const { status, sense } = await one.command(cdb, { in: 512 })
    expect(status).toBe(2)
    expect(sense).toMatchObject(expected)
  })

  it('name the byte at fault', async () => {
    const one = await session()
    const { sense } = await one.command('28200000000000000100', { in: 512 })
    expect(sense!.bytes.toString('hex', 15, 18)).toBe('cf0001')
  })
})

describe('writing', () => {
  it('reaches stable storage with FUA and SYNCHRONIZE CACHE, and only then', async () => {
    const one = await session()
    await one.command('2a000000000000000100', { out: Buffer.alloc(512, 1) })
    expect(disk.flushes).toBe(0)
    await one.command('2a080000000000000100', { out: Buffer.alloc(512, 1) })
    expect(disk.flushes).toBe(1)
    await one.command('35')
    expect(disk.flushes).toBe(2)
  })

  it('flushes always once the write cache is switched off', async () => {
    const one = await session()
    const page = (await one.command('1a080800ff00', { in: 255 })).data
    expect(page[6]! & 4).toBe(4)
    const off = Buffer.from(page)
    off[0] = 0
    off[6] = 0
    expect((await one.command(`15100000${off.length.toString(16)}00`, { out: off })).status).toBe(0)
    await one.command('2a000000000000000100', { out: Buffer.alloc(512, 1) })
    expect(disk.flushes).toBe(1)
    off[7] = 1
    expect((await one.command(`15100000${off.length.toString(16)}00`, { out: off })).sense).toMatchObject({
      code: 0x2600,
    })
  })

  it('COMPARE AND WRITE writes only what it expected, and says where it differs', async () => {
    const one = await session()
    disk.content.fill('a', 0, 512)
    const swap = Buffer.concat([Buffer.alloc(512, 'a'), Buffer.alloc(512, 'b')])
    const cas = '8900 0000000000000000 000000 01 0000'
    expect((await one.command(cas, { out: swap })).status).toBe(0)
    expect(disk.content.toString('latin1', 0, 2)).toBe('bb')
    disk.content.fill('a', 0, 300)
    const { sense } = await one.command(cas, { out: swap })
    expect(sense).toMatchObject({ key: 0xe, code: 0x1d00 })
    expect(sense!.bytes.readUInt32BE(3)).toBe(300)
    expect(disk.content.toString('latin1', 299, 301)).toBe('ab')
  })

  it('COMPARE AND WRITE has one winner', async () => {
    const contenders = await Promise.all(['a', 'b', 'c', 'd'].map((name) => session(`iqn.x:${name}`)))
    for (let round = 1; round <= 20; round += 1) {
      const outcomes = await Promise.all(
        contenders.map((one, index) => {
          const swap = Buffer.concat([Buffer.from(disk.content.subarray(0, 512)), Buffer.alloc(512, round * 4 + index)])
          return one.command('8900 0000000000000000 000000 01 0000', { out: swap })
        }),
      )
      expect(outcomes.filter(({ status }) => status === 0)).toHaveLength(1)
    }
  })

  it('UNMAP and WRITE SAME leave zeros or the pattern', async () => {
    const one = await session()
    disk.content.fill(1)
    const list = Buffer.alloc(40)
    list.writeUInt16BE(38, 0)
    list.writeUInt16BE(32, 2)
    list.writeUInt32BE(8, 12)
    list.writeUInt32BE(8, 16)
    list.writeUInt32BE(100, 28)
    list.writeUInt32BE(1, 32)
    expect((await one.command('42000000000000002800', { out: list })).status).toBe(0)
    expect(disk.content.indexOf(0)).toBe(8 * 512)
    expect(disk.content.lastIndexOf(0)).toBe(101 * 512 - 1)
    expect(disk.content[16 * 512]).toBe(1)
    await one.command('9308 0000000000000010 00000008 0000', { out: Buffer.alloc(512) })
    expect(disk.content.subarray(16 * 512, 24 * 512).every((byte) => byte === 0)).toBe(true)
    await one.command('4100 00000010 00 0002 00', { out: Buffer.alloc(512, 'xy') })
    expect(disk.content.toString('latin1', 16 * 512, 18 * 512)).toBe('xy'.repeat(512))
    expect((await one.command('9e12 0000000000000000 00000018 0000', { in: 24 })).data[20]).toBe(0)
  })

  it('UNMAP touches nothing when one of its ranges is wrong', async () => {
    const one = await session()
    disk.content.fill(1)
    const list = Buffer.alloc(40)
    list.writeUInt16BE(38, 0)
    list.writeUInt16BE(32, 2)
    list.writeUInt32BE(8, 16)
    list.writeUInt32BE(8191, 28)
    list.writeUInt32BE(2, 32)
    expect((await one.command('42000000000000002800', { out: list })).sense).toMatchObject(outOfRange)
    expect(disk.content.includes(0)).toBe(false)
  })
})

describe('changes under a session', () => {
  it('a new size is told once to each', async () => {
    const sessions = [await session('iqn.x:a'), await session('iqn.x:b')]
    disk.content = Buffer.alloc(8 * 1024 ** 2)
    target.notifyResized(uuid)
    for (const one of sessions) {
      expect((await one.command('00')).sense).toMatchObject({ key: 6, code: 0x2a09 })
      expect((await one.command('25', { in: 8 })).data.readUInt32BE(0)).toBe(16_383)
    }
  })

  it('new and removed disks show at once', async () => {
    const one = await session()
    permissions.disks.set(3, new MemoryDisk('00000000-0000-4000-8000-000000000003'))
    target.notifyLunsChanged(() => true)
    expect((await one.command('00')).sense).toMatchObject({ key: 6, code: 0x3f0e })
    const luns = (await one.command('a00000000000000010000000', { in: 4096 })).data
    expect([luns.readUInt32BE(0), luns[9], luns[17]]).toEqual([16, 0, 3])
    permissions.disks.delete(0)
    expect((await one.command('00')).sense).toMatchObject({ key: 5, code: 0x2500 })
  })
})

describe('persistent reservations', () => {
  const keyA = 'aaaaaaaaaaaaaaaa'
  const keyB = 'bbbbbbbbbbbbbbbb'

  function reserveOut(one: Initiator, action: number, type: number, own: string, other = '', aptpl = false) {
    const list = Buffer.alloc(24)
    list.write(own, 0, 'hex')
    list.write(other, 8, 'hex')
    list[20] = aptpl ? 1 : 0
    return one.command(`5f0${action}0${type}000000000018 00`, { out: list })
  }

  it('fence the one that lost, in the middle of its work', async () => {
    const a = await session('iqn.x:a')
    const b = await session('iqn.x:b')
    const zero = '0000000000000000'
    expect((await reserveOut(a, 0, 0, zero, keyA)).status).toBe(0)
    expect((await reserveOut(a, 1, 1, keyA)).status).toBe(0)
    expect((await b.command('2a000000000000000100', { out: Buffer.alloc(512, 2) })).status).toBe(0x18)
    expect((await b.command('28000000000000000100', { in: 512 })).status).toBe(0)
    expect((await reserveOut(b, 0, 0, zero, keyB)).status).toBe(0)
    expect((await reserveOut(b, 5, 1, keyB, keyA)).status).toBe(0)
    expect((await a.command('00')).sense).toMatchObject({ key: 6, code: 0x2a05 })
    expect((await a.command('2a000000000000000100', { out: Buffer.alloc(512, 1) })).status).toBe(0x18)
    const reservation = (await b.command('5e01000000000000ff00', { in: 255 })).data
    expect(reservation.toString('hex', 8, 16)).toBe(keyB)
    const full = (await b.command('5e030000000000 0400 00', { in: 1024 })).data
    expect(full.toString('latin1')).toContain('iqn.x:b,i,0x80a1b2c3d4e5')
  })

  it('last over a restart when that was asked for', async () => {
    const a = await session('iqn.x:a')
    await reserveOut(a, 0, 0, '0000000000000000', keyA, true)
    await reserveOut(a, 1, 3, keyA)
    expect(disk.kept).toContain(keyA)
    const { content, kept } = disk
    await target.close()
    disk = Object.assign(new MemoryDisk(uuid), { content, kept })
    permissions.disks.set(0, disk)
    target = await startTestTarget(permissions)
    const stranger = await session('iqn.x:b')
    expect((await stranger.command('28000000000000000100', { in: 512 })).status).toBe(0x18)
    const again = await session('iqn.x:a')
    expect((await again.command('28000000000000000100', { in: 512 })).status).toBe(0)
    expect((await reserveOut(again, 3, 0, keyA)).status).toBe(0)
    expect(disk.kept).toBeUndefined()
  })

  it('hold for the initiator port at each target separately, as the standard says', async () => {
    const a = await session('iqn.x:a')
    await reserveOut(a, 0, 0, '0000000000000000', keyA)
    await reserveOut(a, 1, 1, keyA)
    const twin = await Initiator.connect(target.cvmPortals[0]!, 'iqn.x:a')
    open.push(twin)
    await twin.login({ target: `${targetName}-tgt0` })
    await twin.command('00')
    expect((await twin.command('2a000000000000000100', { out: Buffer.alloc(512) })).status).toBe(0x18)
  })
})

it('refuses untagged commands where it is told to', async () => {
  const strict = await startTestTarget(permissions, { rejectUntagged: true })
  try {
    const one = await session(undefined, strict)
    one.send(one.commandHeader(Buffer.alloc(16), 0x80, 0))
    expect((await one.receive()).opcode).toBe(0x3f)
  } finally {
    await strict.close()
  }
})

it('tells when a port is taken', async () => {
  const port = Number(target.dataServices.split(':')[1])
  const taken = startIscsiTarget({
    backend: { visibleTargets: () => [], openTarget: () => undefined },
    listen: { host: '127.0.0.1', port },
    cvmListen: { host: '127.0.0.1', port: 0 },
  })
  await expect(taken).rejects.toThrow('EADDRINUSE')
})
