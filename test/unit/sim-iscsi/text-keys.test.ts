import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeBinary,
  encodeTextKeys,
  parseBinary,
  parseNumber,
  parseTextKeys,
  TextFormatError,
} from '../../../src/lib/sim/iscsi/text-keys.js'

describe('text keys', () => {
  it('come back as they went', () => {
    const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.\-_+@]{0,40}$/)
    const value = fc.string({ maxLength: 100 }).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name }), (pairs) => {
        expect([...parseTextKeys(encodeTextKeys(pairs))]).toEqual(pairs)
      }),
    )
  })

  it('never fail in another way than TextFormatError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseTextKeys(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(TextFormatError)
        }
      }),
    )
  })

  it.each(['NoEquals\0', '=value\0', 'A=1\0A=2\0', `${'k'.repeat(64)}=1\0`])('refuse %j', (text) => {
    expect(() => parseTextKeys(Buffer.from(text))).toThrow(TextFormatError)
  })

  it('may hold "=" in a value and lack the last zero byte', () => {
    expect(parseTextKeys(Buffer.from('A=b=c')).get('A')).toBe('b=c')
  })

  it('carry numbers and binary in two notations', () => {
    expect(parseNumber('0x10')).toBe(16)
    expect(parseNumber('262144')).toBe(262_144)
    expect(parseNumber('-1')).toBeUndefined()
    expect(parseBinary('0xABC')).toEqual(Buffer.from([0x0a, 0xbc]))
    expect(parseBinary('0bAQI=')).toEqual(Buffer.from([1, 2]))
    expect(parseBinary('plain')).toBeUndefined()
    expect(encodeBinary(Buffer.from([0, 255]))).toBe('0x00ff')
  })
})
