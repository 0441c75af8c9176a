import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskFault } from '../../../src/lib/sim/iscsi/target-backend.js'
import type { IscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import { cdb, Initiator } from './initiator.js'
import type { LoginOptions } from './initiator.js'
import { MemoryDisk } from './memory-disk.js'
import { startTestTarget, targetName } from './test-target.js'
import type { Permissions } from './test-target.js'

let disk: MemoryDisk
let permissions: Permissions
let target: IscsiTarget
let open: Initiator[]

beforeEach(async () => {
  disk = new MemoryDisk('792cd764-37b5-4da3-7ef1-0123456789ab')
  permissions = { disks: new Map([[0, disk]]) }
  target = await startTestTarget(permissions, { pingIntervalMs: 60_000 })
  open = []
})
afterEach(async () => {
  for (const one of open) one.close()
  await target.close()
})

/** Logged in, with the first unit attention out of the way. */
async function session(options: Partial<LoginOptions> & { name?: string } = {}): Promise<Initiator> {
  const one = await Initiator.connect(target.cvmPortals[0]!, options.name)
  open.push(one)
  await one.login({ target: targetName, keys: { ImmediateData: 'Yes', InitialR2T: 'No' }, ...options })
  expect((await one.command('00')).sense).toMatchObject({ key: 6, code: 0x2900 })
  return one
}

const write = (lba: number, blocks: number): string => `2a00${hex(lba, 8)}00${hex(blocks, 4)}00`
const read = (lba: number, blocks: number): string => `2800${hex(lba, 8)}00${hex(blocks, 4)}00`
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

function dataOut(
  one: Initiator,
  tag: number,
  transferTag: number,
  at: number,
  number: number,
  data: Buffer,
  last: boolean,
): void {
  const header = Buffer.alloc(48)
  header[0] = 0x05
  header[1] = last ? 0x80 : 0
  header.writeUInt32BE(tag, 16)
  header.writeUInt32BE(transferTag, 20)
  header.writeUInt32BE(number, 36)
  header.writeUInt32BE(at, 40)
  one.send(header, data)
}

describe('data', () => {
  it.each([[{}], [{ HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' }]])(
    'goes out and comes back (%j)',
    async (digests) => {
      const one = await session({ keys: { ImmediateData: 'Yes', InitialR2T: 'No', ...digests } })
      const data = Buffer.alloc(64 * 1024, 'abcdefghijk')
      expect(await one.command(write(8, 128), { out: data })).toMatchObject({ status: 0, residual: 0 })
      const back = await one.command(read(8, 128), { in: data.length })
      expect(back.data.equals(data)).toBe(true)
      expect(back.residual).toBe(0)
    },
  )

  it('is asked for by R2T, burst by burst', async () => {
    const one = await session({ keys: { ImmediateData: 'No', InitialR2T: 'Yes', MaxBurstLength: '4096' } })
    const data = Buffer.from(Array.from({ length: 10_240 }, (_, index) => index % 251))
    one.send(one.commandHeader(cdb(write(0, 20)), 0xa1, data.length))
    const tag = one.nextTag - 1
    for (let at = 0; at < data.length;) {
      const grant = await one.receive()
      expect(grant.opcode).toBe(0x31)
      expect(grant.header.readUInt32BE(40)).toBe(at)
      const length = grant.header.readUInt32BE(44)
      expect(length).toBe(Math.min(4096, data.length - at))
      const half = length / 2
      const transferTag = grant.header.readUInt32BE(20)
      dataOut(one, tag, transferTag, at, 0, data.subarray(at, at + half), false)
      dataOut(one, tag, transferTag, at + half, 1, data.subarray(at + half, at + length), true)
      at += length
    }
    expect((await one.outcome()).status).toBe(0)
    expect(disk.content.subarray(0, data.length).equals(data)).toBe(true)
  })

  it('may come unsolicited after immediate data, and the rest by R2T', async () => {
    const one = await session({ keys: { ImmediateData: 'Yes', InitialR2T: 'No', FirstBurstLength: '1024' } })
    const data = Buffer.alloc(2048, 'xyz')
    one.send(one.commandHeader(cdb(write(4, 4)), 0x21, data.length), data.subarray(0, 512))
    const tag = one.nextTag - 1
    dataOut(one, tag, 0xffff_ffff, 512, 0, data.subarray(512, 1024), true)
    const grant = await one.receive()
    expect([grant.opcode, grant.header.readUInt32BE(40), grant.header.readUInt32BE(44)]).toEqual([0x31, 1024, 1024])
    dataOut(one, tag, grant.header.readUInt32BE(20), 1024, 0, data.subarray(1024), true)
    expect((await one.outcome()).status).toBe(0)
    expect(disk.content.subarray(2048, 4096).equals(data)).toBe(true)
  })

  it('in another order than agreed ends the session', async () => {
    const one = await session({ keys: { ImmediateData: 'No', InitialR2T: 'Yes' } })
    one.send(one.commandHeader(cdb(write(0, 2)), 0xa1, 1024))
    const grant = await one.receive()
    dataOut(one, one.nextTag - 1, grant.header.readUInt32BE(20), 512, 0, Buffer.alloc(512), true)
    expect((await one.receive()).opcode).toBe(0x3f)
    await one.closed
  })

  it('that was damaged ends the session', async () => {
    const one = await session({ keys: { DataDigest: 'CRC32C', ImmediateData: 'Yes' } })
    const header = one.commandHeader(cdb(write(0, 1)), 0xa1, 512)
    header.writeUIntBE(512, 5, 3)
    one.sendRaw(Buffer.concat([header, Buffer.alloc(512), Buffer.from('not the digest'.slice(0, 4))]))
    const reject = await one.receive()
    expect([reject.opcode, reject.header[2]]).toEqual([0x3f, 2])
    await one.closed
  })

  it('short of or beyond what was expected is counted', async () => {
    const one = await session()
    expect(await one.command(read(0, 1), { in: 2048 })).toMatchObject({ residual: 1536, flags: 0x83 })
    const over = await one.command(read(0, 4), { in: 512 })
    expect(over).toMatchObject({ residual: 1536, flags: 0x85 })
    expect(over.data).toHaveLength(512)
  })
})

describe('numbering', () => {
  it('holds commands that come early until their turn', async () => {
    const one = await session()
    const first = one.commandHeader(cdb('25'), 0xc1, 8)
    const second = one.commandHeader(cdb('00'), 0x81, 0)
    one.send(second)
    expect(await one.isQuiet()).toBe(true)
    one.send(first)
    expect((await one.outcome()).data).toHaveLength(8)
    expect((await one.outcome()).data).toHaveLength(0)
  })

  it('ignores commands outside the window', async () => {
    const one = await session()
    const header = one.commandHeader(cdb('00'), 0x81, 0)
    const number = header.readUInt32BE(24)
    header.writeUInt32BE((number - 5) >>> 0, 24)
    one.send(header)
    const far = Buffer.from(header)
    far.writeUInt32BE(number + 100_000, 24)
    one.send(far)
    expect(await one.isQuiet()).toBe(true)
    one.commandNumber = number
    expect((await one.command('00')).status).toBe(0)
  })

  it('takes immediate commands at any time, and echoes pings', async () => {
    const one = await session()
    const ping = Buffer.alloc(48)
    ping[0] = 0x40
    ping[1] = 0x80
    ping.writeUInt32BE(0x1234, 16)
    ping.writeUInt32BE(0xffff_ffff, 20)
    ping.writeUInt32BE(one.commandNumber, 24)
    one.send(ping, Buffer.from('are you there'))
    const pong = await one.receive()
    expect([pong.opcode, pong.header.readUInt32BE(16), pong.data.toString()]).toEqual([0x20, 0x1234, 'are you there'])
    expect(pong.header.readUInt32BE(28)).toBe(one.commandNumber)
  })
})

describe('ends of sessions', () => {
  it('revoking says so, ends the session and what it was writing', async () => {
    const one = await session({ name: 'iqn.x:old' })
    const twin = await session({ name: 'iqn.x:old', target: `${targetName}-tgt0` })
    const other = await session({ name: 'iqn.x:new' })
    let release = (): void => undefined
    disk.gate = new Promise<void>((resolve) => (release = resolve))
    one.send(one.commandHeader(cdb(write(0, 1)), 0xa1, 512), Buffer.alloc(512, 1))
    expect(await one.isQuiet()).toBe(true)
    let revoked = false
    const revoking = target.revoke(targetName, 'iqn.x:old').then(() => (revoked = true))
    const farewell = await one.receive()
    expect([farewell.opcode, farewell.header[36]]).toEqual([0x32, 1])
    expect(revoked).toBe(false)
    release()
    disk.gate = undefined
    await revoking
    await one.closed
    await twin.closed
    expect(target.sessions().map(({ initiatorName }) => initiatorName)).toEqual(['iqn.x:new'])
    expect((await other.command('00')).status).toBe(0)
  })

  it('revoking does not wait for an initiator that reads nothing', async () => {
    const one = await session({ name: 'iqn.x:deaf' })
    one.pause()
    disk.content = Buffer.alloc(4 * 1024 ** 2)
    for (let count = 0; count < 20; count += 1) one.send(one.commandHeader(cdb(read(0, 8192)), 0xc1, 4 * 1024 ** 2))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await target.revoke(targetName, 'iqn.x:deaf')
    expect(target.sessions()).toEqual([])
  })

  it('can follow a login at once', async () => {
    const told: string[] = []
    const brief: IscsiTarget = await startTestTarget(permissions, {
      onSession: (opened) => {
        told.push(opened.targetName ?? 'discovery')
        brief.dropSessions(({ id }) => id === opened.id)
      },
    })
    try {
      const one = await Initiator.connect(brief.cvmPortals[0]!)
      await one.login({ target: targetName })
      await one.closed
      expect(told).toEqual([targetName])
    } finally {
      await brief.close()
    }
  })

  it('drops connections without a word', async () => {
    const one = await session()
    expect(target.dropSessions(({ initiatorName }) => initiatorName === one.name)).toBe(1)
    await one.closed
    expect(target.sessions()).toEqual([])
  })

  it('asks a silent initiator for a sign of life, then ends the session', async () => {
    const brisk = await startTestTarget(permissions, { pingIntervalMs: 60 })
    try {
      const one = await Initiator.connect(brisk.cvmPortals[0]!)
      open.push(one)
      await one.login({ target: targetName })
      const ping = await one.receive()
      expect(ping.opcode).toBe(0x20)
      expect(ping.header.readUInt32BE(20)).not.toBe(0xffff_ffff)
      await one.closed
      expect(brisk.sessions()).toEqual([])
    } finally {
      await brisk.close()
    }
  })

  it('logs out', async () => {
    const one = await session()
    const header = Buffer.alloc(48)
    header[0] = 0x46
    header[1] = 0x80
    header.writeUInt32BE(0x99, 16)
    header.writeUInt32BE(one.commandNumber, 24)
    one.send(header)
    const answer = await one.receive()
    expect([answer.opcode, answer.header[2]]).toEqual([0x26, 0])
    await one.closed
  })
})

describe('task management', () => {
  function manage(one: Initiator, action: number, task = 0xffff_ffff): Promise<{ header: Buffer }> {
    const header = Buffer.alloc(48)
    header[0] = 0x42
    header[1] = 0x80 | action
    header.writeUInt32BE(0x4242, 16)
    header.writeUInt32BE(task, 20)
    header.writeUInt32BE(one.commandNumber, 24)
    one.send(header)
    return one.receive()
  }

  it('aborts a write that waits for its data', async () => {
    const one = await session({ keys: { ImmediateData: 'No', InitialR2T: 'Yes' } })
    one.send(one.commandHeader(cdb(write(0, 1)), 0xa1, 512))
    const grant = await one.receive()
    const tag = one.nextTag - 1
    expect((await manage(one, 1, tag)).header[2]).toBe(0)
    dataOut(one, tag, grant.header.readUInt32BE(20), 0, 0, Buffer.alloc(512, 1), true)
    expect((await one.command('00')).status).toBe(0)
    expect(disk.content[0]).toBe(0)
    expect((await manage(one, 1, tag)).header[2]).toBe(1)
  })

  it('resets a unit for everyone', async () => {
    const one = await session({ name: 'iqn.x:a' })
    const other = await session({ name: 'iqn.x:b' })
    expect((await one.command('16')).status).toBe(0)
    expect((await other.command('00')).status).toBe(0x18)
    expect((await manage(one, 5)).header[2]).toBe(0)
    expect((await other.command('00')).sense).toMatchObject({ key: 6, code: 0x2903 })
    expect((await other.command('00')).status).toBe(0)
  })

  it('knows what it does not do', async () => {
    const one = await session()
    expect((await manage(one, 8)).header[2]).toBe(4)
    expect((await manage(one, 3)).header[2]).toBe(5)
  })
})

describe('faults of the disk', () => {
  it.each([
    ['medium-error', read(0, 1), 3, 0x1100],
    ['medium-error', write(0, 1), 3, 0x0c00],
    ['no-space', write(0, 1), 7, 0x2707],
    ['hardware-error', read(0, 1), 4, 0x4400],
  ] as const)('%s becomes sense data', async (fault, command, key, code) => {
    const one = await session()
    disk.fault = new DiskFault(fault, 'by order')
    const options = command.startsWith('2a') ? { out: Buffer.alloc(512) } : { in: 512 }
    expect(await one.command(command, options)).toMatchObject({ status: 2, sense: { key, code } })
    disk.fault = undefined
    expect((await one.command('00')).status).toBe(0)
  })
})
