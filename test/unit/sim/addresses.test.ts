import { describe, expect, it } from 'vitest'
import {
  countAddresses,
  formatAddress,
  nextAddress,
  parseAddress,
  parseRange,
  refusalOf,
  subnetOf,
} from '../../../src/lib/sim/addresses.js'

/** The recorded one, with its addresses as they may have been. */
const ip = {
  networkAddress: '10.55.90.0',
  prefixLength: 25,
  defaultGateway: '10.55.90.1',
  dhcpServerAddress: '10.55.90.126',
  dhcpOptions: {},
  pools: [{ first: '10.55.90.44', last: '10.55.90.125' }],
}

describe('addresses', () => {
  it.each(['0.0.0.0', '10.55.90.126', '255.255.255.255'])('%s is read and written', (text) => {
    expect(formatAddress(parseAddress(text)!)).toBe(text)
  })

  it.each(['', '10.0.0', '10.0.0.256', '10.0.0.01', '1.2.3.4.5', 'fe80::1', '10.0.0.x'])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it.each([
    ['10.0.0.1', 24],
    ['10.0.0.0', 0],
    ['10.0.0.0', 31],
    ['10.0.0.0', 24.5],
    ['ten', 24],
  ])('%s/%s is no subnet', (address, prefix) => {
    expect(subnetOf(address, prefix)).toBeUndefined()
  })

  it.each(['10.0.0.9 10.0.0.5', '10.0.0.5', '10.0.0.5-10.0.0.9', '10.0.0.5 10.0.0.9 10.0.0.11'])(
    '"%s" is no range',
    (text) => {
      expect(parseRange(text)).toBeUndefined()
    },
  )
})

describe('a managed network', () => {
  it('gives the lowest free address of its pools, in their order', () => {
    const pools = [
      { first: '10.55.90.44', last: '10.55.90.45' },
      { first: '10.55.90.10', last: '10.55.90.10' },
    ]
    const assigned: string[] = []
    const network = { ip: { ...ip, pools }, blacklist: ['10.55.90.45'], assigned }
    for (const expected of ['10.55.90.44', '10.55.90.10', undefined]) {
      expect(nextAddress(network)).toBe(expected)
      if (expected !== undefined) assigned.push(expected)
    }
  })

  it('never gives its gateway or DHCP server away', () => {
    const pools = [{ first: '10.55.90.126', last: '10.55.90.126' }]
    expect(nextAddress({ ip: { ...ip, pools }, blacklist: [], assigned: [] })).toBeUndefined()
    for (const address of ['10.55.90.1', '10.55.90.126'])
      expect(refusalOf(address, { ip, blacklist: [], assigned: [] })).toContain('in use')
  })

  it.each(['10.55.90.0', '10.55.90.127', '10.55.91.1', 'none'])('refuses %s', (address) => {
    expect(refusalOf(address, { ip, blacklist: [], assigned: [] })).toBeDefined()
  })

  it('gives an address outside of its pools to whoever asks for it', () => {
    expect(refusalOf('10.55.90.20', { ip, blacklist: [], assigned: [] })).toBeUndefined()
  })

  it('counts as recorded: free and assigned are the whole subnet', () => {
    const assigned = Array.from({ length: 18 }, (_, at) => `10.55.90.${44 + at}`)
    expect(countAddresses({ ip, blacklist: ['10.55.90.20'], assigned })).toEqual({
      free: 105,
      assigned: 23,
      pools: [{ range: ip.pools[0], free: 64, total: 82 }],
    })
  })
})
