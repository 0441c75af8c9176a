import { isIPv4 } from 'node:net'
import { AcsError } from '../base/errors.js'
import type { NetworkSpec } from '../prism/prism.js'

/** A network as typed. */
export interface NetworkRequest {
  name: string
  description?: string | undefined
  vlanId: number
  virtualSwitch?: string | undefined
  /** `10.1.1.0/24`; without it the network is unmanaged: the cluster gives no addresses. */
  subnet?: string | undefined
  gateway?: string | undefined
  dhcpServer?: string | undefined
  domain?: string | undefined
  nameServers?: readonly string[] | undefined
  /** `10.1.1.10-10.1.1.99` each. */
  pools?: readonly string[] | undefined
}

/** Checks that all addresses are of the subnet and no two pools overlap. Throws EACSNETWORK (usage), naming what is wrong. */
export function networkSpec(request: NetworkRequest): NetworkSpec {
  const { name, description, vlanId, virtualSwitch, gateway, dhcpServer, domain } = request
  const common = {
    name,
    vlanId,
    ...(description === undefined ? {} : { description }),
    ...(virtualSwitch === undefined ? {} : { virtualSwitch }),
  }
  if (request.subnet === undefined) {
    const needs = Object.entries({
      gateway,
      'dhcp-server': dhcpServer,
      domain,
      dns: request.nameServers,
      pool: request.pools,
    })
    const [flag] = needs.find(([, value]) => value !== undefined && value.length > 0) ?? []
    if (flag !== undefined) throw wrong(`--${flag} needs --subnet: only a managed network gives out addresses`)
    return common
  }
  const subnet = parseSubnet(request.subnet)
  const inside = (address: string, what: string): string => {
    const number = addressNumber(address, what)
    if (number <= subnet.first || number >= subnet.last)
      throw wrong(`${what} ${address} is no host address of ${request.subnet ?? ''}`)
    return address
  }
  const pools = (request.pools ?? []).map((text) => {
    const [first = '', last = first, ...more] = text.split('-')
    if (more.length > 0) throw wrong(`"${text}" is no pool: write FIRST-LAST`)
    inside(first, 'pool address')
    inside(last, 'pool address')
    if (addressNumber(first, 'pool address') > addressNumber(last, 'pool address'))
      throw wrong(`the pool "${text}" ends before it begins`)
    return { first, last }
  })
  refuseOverlaps(pools)
  return {
    ...common,
    ip: {
      networkAddress: subnet.networkAddress,
      prefixLength: subnet.prefixLength,
      nameServers: (request.nameServers ?? []).map((address) => {
        addressNumber(address, 'name server')
        return address
      }),
      pools,
      ...(gateway === undefined ? {} : { defaultGateway: inside(gateway, 'gateway') }),
      ...(dhcpServer === undefined ? {} : { dhcpServerAddress: inside(dhcpServer, 'DHCP server') }),
      ...(domain === undefined ? {} : { domainName: domain }),
    },
  }
}

interface Subnet {
  networkAddress: string
  prefixLength: number
  /** Network and broadcast address, as numbers. */
  first: number
  last: number
}

function parseSubnet(text: string): Subnet {
  const [address = '', prefix = '', ...more] = text.split('/')
  const prefixLength = /^\d{1,2}$/.test(prefix) ? Number(prefix) : NaN
  if (!isIPv4(address) || more.length > 0 || !(prefixLength >= 8 && prefixLength <= 30))
    throw wrong(`"${text}" is no subnet: write it as 10.1.1.0/24, with a prefix from 8 to 30`)
  const size = 2 ** (32 - prefixLength)
  const number = addressNumber(address, 'subnet')
  const first = Math.floor(number / size) * size
  if (first !== number) throw wrong(`"${text}" is no subnet: its network address is ${addressText(first)}`)
  return { networkAddress: address, prefixLength, first, last: first + size - 1 }
}

function refuseOverlaps(pools: readonly { first: string; last: string }[]): void {
  const ranges = pools
    .map(({ first, last }) => ({ from: addressNumber(first, 'pool'), to: addressNumber(last, 'pool') }))
    .sort((a, b) => a.from - b.from)
  for (const [at, range] of ranges.entries()) {
    const next = ranges[at + 1]
    if (next && next.from <= range.to) throw wrong(`two pools overlap at ${addressText(next.from)}`)
  }
}

function addressNumber(address: string, what: string): number {
  if (!isIPv4(address)) throw wrong(`"${address}" is no IPv4 address for ${what}`)
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

function addressText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}

function wrong(message: string): AcsError {
  return new AcsError('usage', 'EACSNETWORK', message, {
    hints: ['acs network create NAME --vlan 10 --subnet 10.1.1.0/24 --gateway 10.1.1.1 --pool 10.1.1.10-10.1.1.99'],
  })
}
