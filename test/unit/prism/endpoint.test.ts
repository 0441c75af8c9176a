import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSameEndpoint, parseEndpoint, parseFingerprint } from '../../../src/lib/prism/endpoint.js'

describe('parseEndpoint', () => {
  it.each([
    ['prism.example.com', 'https://prism.example.com:9440'],
    ['Prism.Example.com.', 'https://prism.example.com:9440'],
    ['10.1.1.5', 'https://10.1.1.5:9440'],
    ['10.1.1.5:9441', 'https://10.1.1.5:9441'],
    ['https://10.1.1.5', 'https://10.1.1.5:9440'],
    ['https://10.1.1.5:9440/', 'https://10.1.1.5:9440'],
    ['https://prism:9440/console/#page/dashboard', 'https://prism:9440'],
    ['fd00::5', 'https://[fd00::5]:9440'],
    ['[fd00::5]', 'https://[fd00::5]:9440'],
    ['[fd00:0::5]:443', 'https://[fd00::5]:443'],
    ['https://[FD00::5]:9440', 'https://[fd00::5]:9440'],
    ['[fe80::1%eth0]:9440', 'https://[fe80::1%eth0]:9440'],
    [' prism_1 ', 'https://prism_1:9440'],
  ])('%s is %s', (text, origin) => {
    expect(parseEndpoint(text).origin).toBe(origin)
  })

  it.each([
    ['', 'empty'],
    ['http://prism', 'https only'],
    ['prism:0', 'no port'],
    ['prism:65536', 'no port'],
    ['prism:abc', 'not HOST'],
    ['1.2.3.4.5', 'no host name'],
    ['a b', 'only a host'],
    ['prism/api', 'only a host'],
    ['[10.1.1.5]:9440', 'no IPv6'],
    ['-prism', 'no host name'],
    ['prism..example', 'no host name'],
  ])('refuses %j: %s', (text, why) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'EACSENDPOINT', kind: 'usage' }))
    expect(() => parseEndpoint(text)).toThrow(why)
  })

  it('does not repeat a password that was pasted with it', () => {
    expect(() => parseEndpoint('https://admin:hunter2@prism')).toThrow(/^(?!.*hunter2)/)
  })

  it('reads its own canonical form as the same endpoint', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.integer({ min: 1, max: 65535 }), (host, port) => {
        const { origin, authority } = parseEndpoint(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
        expect(parseEndpoint(origin).origin).toBe(origin)
        expect(parseEndpoint(authority).origin).toBe(origin)
        expect(parseEndpoint(origin).port).toBe(port)
      }),
    )
  })

  it('knows two spellings of one Prism', () => {
    expect(isSameEndpoint('https://PRISM', 'prism:9440')).toBe(true)
    expect(isSameEndpoint('prism', 'prism:9441')).toBe(false)
  })
})

describe('parseFingerprint', () => {
  const hex = 'ab'.repeat(32)
  const canonical = Array<string>(32).fill('AB').join(':')

  it.each([hex, canonical, `SHA256:${hex}`, `sha256 Fingerprint=${canonical}`, ` ${hex.toUpperCase()} `])(
    'reads %s',
    (text) => {
      expect(parseFingerprint(text)).toBe(canonical)
    },
  )

  it.each(['', 'ab', `${hex}ab`, hex.replace('a', 'g'), 'AB:'.repeat(20)])('refuses %j', (text) => {
    expect(() => parseFingerprint(text)).toThrow(expect.objectContaining({ code: 'EACSFINGERPRINT' }))
  })
})
