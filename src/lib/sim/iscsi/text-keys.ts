/** Text of login and text PDUs: `key=value` pairs, each ended by a zero byte (RFC 7143 6.1). */

/** Text that breaks the format; the message says how. */
export class TextFormatError extends Error {}

const maxKeyLength = 63
const maxValueLength = 8192

/** Pairs in their order. Throws `TextFormatError`. */
export function parseTextKeys(text: Buffer): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const pair of text.toString('utf8').split('\0')) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    if (at <= 0) throw new TextFormatError('a pair without a key or "="')
    const key = pair.slice(0, at)
    const value = pair.slice(at + 1)
    if (key.length > maxKeyLength || value.length > maxValueLength) throw new TextFormatError('a key or value too long')
    if (pairs.has(key)) throw new TextFormatError(`${key} twice`)
    pairs.set(key, value)
  }
  return pairs
}

export function encodeTextKeys(pairs: Iterable<readonly [string, string]>): Buffer {
  return Buffer.from([...pairs].map(([key, value]) => `${key}=${value}\0`).join(''))
}

/** A decimal or 0x number as keys carry it; `undefined` for anything else. */
export function parseNumber(value: string): number | undefined {
  if (!/^(?:\d{1,10}|0[xX][\da-fA-F]{1,8})$/.test(value)) return undefined
  return Number(value)
}

/** Binary as keys carry it: 0x hex or 0b base64 (RFC 7143 6.1). */
export function parseBinary(value: string): Buffer | undefined {
  if (/^0[xX](?:[\da-fA-F]{1,2})(?:[\da-fA-F]{2})*$/.test(value)) {
    const digits = value.slice(2)
    return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  }
  if (/^0[bB][\dA-Za-z+/]+={0,2}$/.test(value)) return Buffer.from(value.slice(2), 'base64')
  return undefined
}

export function encodeBinary(bytes: Buffer): string {
  return `0x${bytes.toString('hex')}`
}
