import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../src/lib/sim/iscsi/crc32c.js'
import { Framer, FramingError } from '../../../src/lib/sim/iscsi/framer.js'
import type { Pdu } from '../../../src/lib/sim/iscsi/pdu.js'

interface Sample {
  first: number
  extra: number
  data: Uint8Array
}

function encode({ first, extra, data }: Sample, headerDigest: boolean, dataDigest: boolean): Buffer {
  const head = Buffer.alloc(48 + extra * 4, 7)
  head[0] = first
  head[4] = extra
  head.writeUIntBE(data.length, 5, 3)
  const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)])
  const parts: Buffer[] = [head]
  if (headerDigest) parts.push(digestOf(head))
  if (data.length > 0) parts.push(padded)
  if (data.length > 0 && dataDigest) parts.push(digestOf(padded))
  return Buffer.concat(parts)
}

function digestOf(bytes: Buffer): Buffer {
  const digest = Buffer.alloc(4)
  digest.writeUInt32LE(crc32c(bytes))
  return digest
}

const samples = fc.array(
  fc.record({ first: fc.nat(0x3f), extra: fc.nat(3), data: fc.uint8Array({ maxLength: 300 }) }),
  { minLength: 1, maxLength: 6 },
)

describe('framer', () => {
  it('finds the same PDUs however the bytes are cut', () => {
    fc.assert(
      fc.property(
        samples,
        fc.array(fc.nat(400)),
        fc.boolean(),
        fc.boolean(),
        (pdus, cuts, headerDigest, dataDigest) => {
          const bytes = Buffer.concat(pdus.map((pdu) => encode(pdu, headerDigest, dataDigest)))
          const framer = new Framer()
          framer.headerDigest = headerDigest
          framer.dataDigest = dataDigest
          const found: Pdu[] = []
          let at = 0
          for (const cut of [...cuts, bytes.length]) {
            framer.push(Buffer.from(bytes.subarray(at, at + cut)), (pdu) => void found.push(pdu))
            at += cut
          }
          expect(found.map(({ header, extra, data }) => [header[0], extra.length / 4, [...data]])).toEqual(
            pdus.map(({ first, extra, data }) => [first, extra, [...data]]),
          )
          expect(found.some(({ dataDigestWrong }) => dataDigestWrong)).toBe(false)
        },
      ),
    )
  })

  it('tells a damaged data segment, and trusts nothing after a damaged header', () => {
    const sample = { first: 1, extra: 0, data: Buffer.from('abcd') }
    const framer = new Framer()
    framer.headerDigest = true
    framer.dataDigest = true
    const damagedData = encode(sample, true, true)
    damagedData.writeUInt8(0x78, 52)
    const seen: boolean[] = []
    framer.push(damagedData, ({ dataDigestWrong }) => void seen.push(dataDigestWrong))
    expect(seen).toEqual([true])
    const damagedHeader = encode(sample, true, true)
    damagedHeader.writeUInt8(0x78, 20)
    expect(() => framer.push(damagedHeader, () => undefined)).toThrow(FramingError)
  })

  it('refuses a data segment above the limit before it takes memory for it', () => {
    const header = Buffer.alloc(48)
    header.writeUIntBE(0xff_ffff, 5, 3)
    expect(() => new Framer().push(header, () => undefined)).toThrow(/16777215 bytes/)
  })
})
