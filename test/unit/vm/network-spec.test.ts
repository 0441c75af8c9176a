import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkSpec, type NetworkRequest } from '../../../src/lib/vm/network-spec.js'

const managed: NetworkRequest = { name: 'web', vlanId: 10, subnet: '10.1.1.0/24' }
const refused = (request: Partial<NetworkRequest>): (() => unknown) => {
  return () => networkSpec({ ...managed, ...request })
}

describe('a network as typed', () => {
  it('without a subnet is a VLAN and no more', () => {
    expect(networkSpec({ name: 'storage', vlanId: 133, virtualSwitch: 'br1' })).toEqual({
      name: 'storage',
      vlanId: 133,
      virtualSwitch: 'br1',
    })
  })

  it('with one has the addresses it gives out', () => {
    const spec = networkSpec({
      ...managed,
      gateway: '10.1.1.1',
      dhcpServer: '10.1.1.254',
      domain: 'example.com',
      nameServers: ['192.0.2.53'],
      pools: ['10.1.1.10-10.1.1.99', '10.1.1.200'],
    })
    expect(spec.ip).toEqual({
      networkAddress: '10.1.1.0',
      prefixLength: 24,
      defaultGateway: '10.1.1.1',
      dhcpServerAddress: '10.1.1.254',
      domainName: 'example.com',
      nameServers: ['192.0.2.53'],
      pools: [
        { first: '10.1.1.10', last: '10.1.1.99' },
        { first: '10.1.1.200', last: '10.1.1.200' },
      ],
    })
  })

  it.each<[string, Partial<NetworkRequest>, string]>([
    ['a gateway elsewhere', { gateway: '10.1.2.1' }, 'gateway 10.1.2.1 is no host address of 10.1.1.0/24'],
    ['the broadcast address', { gateway: '10.1.1.255' }, 'is no host address'],
    ['the network address', { pools: ['10.1.1.0-10.1.1.9'] }, 'pool address 10.1.1.0 is no host address'],
    ['a pool backwards', { pools: ['10.1.1.9-10.1.1.2'] }, 'ends before it begins'],
    ['pools that overlap', { pools: ['10.1.1.2-10.1.1.9', '10.1.1.9-10.1.1.20'] }, 'two pools overlap at 10.1.1.9'],
    ['three ends', { pools: ['10.1.1.2-10.1.1.3-10.1.1.4'] }, 'is no pool'],
    ['a subnet in its middle', { subnet: '10.1.1.7/24' }, 'its network address is 10.1.1.0'],
    ['no prefix', { subnet: '10.1.1.0' }, 'is no subnet'],
    ['a prefix too long', { subnet: '10.1.1.0/31' }, 'from 8 to 30'],
    ['no address', { gateway: 'router' }, '"router" is no IPv4 address for gateway'],
    ['a bad name server', { nameServers: ['one'] }, '"one" is no IPv4 address for name server'],
    ['a pool without a subnet', { subnet: undefined, pools: ['10.1.1.2'] }, '--pool needs --subnet'],
    ['DNS without a subnet', { subnet: undefined, nameServers: ['10.1.1.2'] }, '--dns needs --subnet'],
  ])('refuses %s', (_what, request, words) => {
    expect(refused(request)).toThrow(
      expect.objectContaining({ code: 'EACSNETWORK', message: expect.stringContaining(words) as string }),
    )
  })

  it('takes exactly the addresses between network and broadcast', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 30 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (prefixLength, any) => {
        const size = 2 ** (32 - prefixLength)
        const base = 10 * 2 ** 24 - ((10 * 2 ** 24) % size)
        const text = (number: number): string =>
          [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.')
        const address = base + (any % size)
        const request = { ...managed, subnet: `${text(base)}/${prefixLength}`, gateway: text(address) }
        if (address === base || address === base + size - 1)
          expect(() => networkSpec(request)).toThrow('no host address')
        else expect(networkSpec(request).ip?.defaultGateway).toBe(text(address))
      }),
    )
  })
})
