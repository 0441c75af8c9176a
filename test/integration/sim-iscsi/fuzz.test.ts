import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import { Initiator } from './initiator.js'
import { MemoryDisk } from './memory-disk.js'
import { startTestTarget, targetName } from './test-target.js'

const errors: unknown[] = []
let target: IscsiTarget

beforeAll(async () => {
  const disks = new Map([[0, new MemoryDisk('792cd764-37b5-4da3-7ef1-0123456789ab')]])
  target = await startTestTarget({ disks }, { onError: (error) => errors.push(error) })
})
afterAll(() => target.close())

/** The target serves the next one as if nothing had been. */
async function isWell(): Promise<void> {
  const one = await Initiator.connect(target.cvmPortals[0]!, 'iqn.x:probe')
  await one.login({ target: targetName })
  await one.command('00')
  expect((await one.command('28000000000000000100', { in: 512 })).data).toHaveLength(512)
  one.close()
  await one.closed
  expect(errors).toEqual([])
}

async function sendAndSettle(one: Initiator, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) one.sendRaw(Buffer.from(chunk))
  await Promise.race([one.closed, new Promise((resolve) => setTimeout(resolve, 15))])
  one.close()
  await one.closed
}

/** Headers that look right far enough to get somewhere. */
const nearlyPdu = fc
  .record({
    opcode: fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x1c, 0x3f),
    immediate: fc.boolean(),
    flags: fc.nat(255),
    extra: fc.constantFrom(0, 0, 0, 1, 255),
    rest: fc.uint8Array({ minLength: 40, maxLength: 40 }),
    tag: fc.nat(3),
    number: fc.nat(6),
    expected: fc.constantFrom(0, 512, 4096, 0xffff_ffff),
    cdb: fc.constantFrom('', '2a', '28', '8a', '42', '5f', '5e', '12', 'a0', '89', '93', '15', 'a3', '9e'),
    data: fc.uint8Array({ maxLength: 600 }),
  })
  .map(({ opcode, immediate, flags, extra, rest, tag, number, expected, cdb, data }) => {
    const header = Buffer.alloc(48)
    header.set(rest, 8)
    header[0] = opcode | (immediate ? 0x40 : 0)
    header[1] = flags
    header[4] = extra
    header.writeUIntBE(data.length, 5, 3)
    header.fill(0, 8, 16)
    header.writeUInt32BE(tag, 16)
    header.writeUInt32BE(opcode === 0x05 || opcode === 0x04 ? 0xffff_ffff : expected, 20)
    header.writeUInt32BE(number, 24)
    if (cdb !== '') header.write(cdb, 32, 'hex')
    return Buffer.concat([header, data, Buffer.alloc(-data.length & 3)])
  })

describe('whatever is sent, the target lives', () => {
  it('random bytes before login', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 4 }), async (chunks) => {
        await sendAndSettle(await Initiator.connect(target.dataServices), chunks)
      }),
      { numRuns: 60 },
    )
    await isWell()
  })

  it('broken login text', async () => {
    const line = fc.constantFrom(
      'InitiatorName=iqn.x:f',
      `TargetName=${targetName}`,
      'AuthMethod=CHAP,None',
      'AuthMethod=',
      'CHAP_A=5',
      'CHAP_R=0x',
      'CHAP_N=a',
      'MaxBurstLength=99999999999',
      'HeaderDigest=',
      '=',
      'x',
      'SessionType=Discovery',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(255), fc.array(line)), { maxLength: 4 }), async (pdus) => {
        const one = await Initiator.connect(target.cvmPortals[0]!)
        const chunks = pdus.map(([flags, lines]) => {
          const text = Buffer.from(lines.map((text) => `${text}\0`).join(''))
          const header = Buffer.alloc(48)
          header[0] = 0x43
          header[1] = flags
          header.writeUIntBE(text.length, 5, 3)
          return Buffer.concat([header, text, Buffer.alloc(-text.length & 3)])
        })
        await sendAndSettle(one, chunks)
      }),
      { numRuns: 80 },
    )
    await isWell()
  })

  it('nearly right PDUs in a session', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(nearlyPdu, { minLength: 1, maxLength: 12 }), async (pdus) => {
        const one = await Initiator.connect(target.cvmPortals[0]!, 'iqn.x:fuzz')
        await one.login({ target: targetName, keys: { ImmediateData: 'Yes', InitialR2T: 'No' } })
        await one.command('00')
        await sendAndSettle(one, pdus)
      }),
      { numRuns: 200 },
    )
    // What the noise reserved would stop the probe.
    target.forgetDisk('792cd764-37b5-4da3-7ef1-0123456789ab')
    await isWell()
  })

  it('an initiator that asks for much and reads nothing costs little memory', async () => {
    const one = await Initiator.connect(target.cvmPortals[0]!, 'iqn.x:greedy')
    await one.login({ target: targetName })
    await one.command('00')
    one.pause()
    const before = process.memoryUsage().rss
    for (let count = 0; count < 400; count += 1) {
      const header = one.commandHeader(Buffer.from('28000000000000200000'.padEnd(32, '0'), 'hex'), 0xc1, 8192 * 512)
      header.writeUInt16BE(8192, 32 + 7)
      header[32 + 6] = 0
      one.send(header)
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
    // 400 reads of 4 MiB are 1.6 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 ** 2)
    one.close()
    await one.closed
    await isWell()
  })
})
