import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  advertisedAddress,
  formatHostPort,
  formatPeerAddress,
  parseHostPort,
  parsePeerAddress,
} from '../../../../src/lib/plugin/peer/address.js'

const fingerprint = 'AAECAwQFBgcICQoLDA0ODw'

describe('the address of a plugin', () => {
  it.each([
    ['10.0.0.7:7440', { host: '10.0.0.7', port: 7440 }],
    ['[fd00::7]:7441', { host: 'fd00::7', port: 7441 }],
    ['docker-1.example.com:7440', { host: 'docker-1.example.com', port: 7440 }],
  ])('%s', (text, where) => {
    const address = parsePeerAddress(`${text}#${fingerprint}`)
    expect(address).toEqual({ ...where, fingerprint })
    expect(formatPeerAddress(address)).toBe(`${text}#${fingerprint}`)
  })

  it.each([
    ['', 'nothing'],
    ['10.0.0.7:7440', 'no fingerprint'],
    [`10.0.0.7:7440#${fingerprint}=`, 'padding'],
    ['10.0.0.7:7440#AAECAwQFBgcICQoLDA0ODx', 'another spelling of the same 128 bits'],
    [`10.0.0.7:7440#${fingerprint}AA`, 'more than 128 bits'],
    [`10.0.0.7:0#${fingerprint}`, 'port 0'],
    [`10.0.0.7:65536#${fingerprint}`, 'a port too large'],
    [`10.0.0:7440#${fingerprint}`, 'half an address'],
    [`fd00::7:7440#${fingerprint}`, 'IPv6 without brackets'],
    [`[fd00::7#${fingerprint}`, 'an open bracket'],
    [`[example.com]:7440#${fingerprint}`, 'a name in brackets'],
    [`[fe80::1%eth0]:7440#${fingerprint}`, 'a zone'],
    [`http://a:7440#${fingerprint}`, 'a URL'],
    [`a b:7440#${fingerprint}`, 'a blank'],
    [`a:7440\n#${fingerprint}`, 'a line break'],
    [`:7440#${fingerprint}`, 'no host'],
    [`-a:7440#${fingerprint}`, 'an option'],
  ])('is not %j (%s)', (text) => {
    expect(() => parsePeerAddress(text)).toThrow(expect.objectContaining({ code: 'EACSPEERADDRESS', kind: 'usage' }))
  })

  it('comes back as it was written', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
    const bits = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), bits, (name, port, bytes) => {
        const address = { host: name, port, fingerprint: Buffer.from(bytes).toString('base64url') }
        expect(parsePeerAddress(formatPeerAddress(address))).toEqual(address)
      }),
    )
  })

  it('has a default port where people write it', () => {
    expect(parseHostPort('docker1')).toEqual({ host: 'docker1', port: 7440 })
    expect(parseHostPort('fd00::7', 1)).toEqual({ host: 'fd00::7', port: 1 })
    expect(parseHostPort('0.0.0.0:0')).toEqual({ host: '0.0.0.0', port: 0 })
    expect(formatHostPort({ host: '::', port: 7440 })).toBe('[::]:7440')
  })
})

describe('the address others are told', () => {
  const towards = { host: '127.0.0.1', port: 9440 }
  const everywhere = { host: '0.0.0.0', port: 4711 }

  it('is the configured one, with the port that was listened on unless it names another', async () => {
    const told = (advertise: string): Promise<object> =>
      advertisedAddress({ advertise, listening: everywhere, towards })
    expect(await told('docker1.example.com')).toEqual({ host: 'docker1.example.com', port: 4711 })
    expect(await told('192.0.2.7:80')).toEqual({ host: '192.0.2.7', port: 80 })
    expect(await told('fd00::7')).toEqual({ host: 'fd00::7', port: 4711 })
    expect(await told('[fd00::7]:81')).toEqual({ host: 'fd00::7', port: 81 })
    await expect(told('a:b:c')).rejects.toMatchObject({ code: 'EACSPEERADDRESS' })
  })

  it('is the one listened on, where that is one', async () => {
    const listening = { host: '192.0.2.8', port: 4711 }
    expect(await advertisedAddress({ listening, towards })).toEqual(listening)
  })

  it('is the local end of the way to the cluster otherwise', async () => {
    expect(await advertisedAddress({ listening: everywhere, towards })).toEqual({ host: '127.0.0.1', port: 4711 })
    expect(await advertisedAddress({ listening: everywhere, towards: { host: 'localhost', port: 1 } })).toMatchObject({
      port: 4711,
    })
  })

  it('has to be configured where there is no way', async () => {
    const nowhere = { host: 'no-such-host.invalid', port: 9440 }
    await expect(advertisedAddress({ listening: everywhere, towards: nowhere })).rejects.toMatchObject({
      code: 'EACSPEERADDRESS',
      hints: [expect.stringContaining('peer.advertise')],
    })
  })
})
