import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../src/lib/sim/iscsi/crc32c.js'

/** Bit by bit, as the polynomial says. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

describe('crc32c', () => {
  // RFC 7143 Appendix A.4 gives the bytes in wire order.
  it.each([
    ['32 zeros', Buffer.alloc(32), 'aa36918a'],
    ['32 ones', Buffer.alloc(32, 0xff), '43aba862'],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), '4e79dd46'],
    ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), '5cdb3f11'],
  ])('matches the published value of %s', (_name, bytes, wire) => {
    const digest = Buffer.alloc(4)
    digest.writeUInt32LE(crc32c(bytes))
    expect(digest.toString('hex')).toBe(wire)
  })

  it('equals the slow way, at once and in parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, at) => {
        const expected = slowCrc32c(bytes)
        expect(crc32c(bytes)).toBe(expected)
        expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(expected)
      }),
    )
  })
})
