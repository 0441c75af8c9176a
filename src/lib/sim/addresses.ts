import type { AddressRange, IpConfigRecord } from './store/machine-records.js'

/** IPv4 addresses as numbers, and what a managed network does with them. Pure. */
export function parseAddress(text: string): number | undefined {
  const parts = text.trim().split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

/** All addresses of a subnet, its own and the broadcast one too; `undefined` for what is no subnet. */
export function subnetOf(networkAddress: string, prefixLength: number): { first: number; last: number } | undefined {
  const first = parseAddress(networkAddress)
  if (first === undefined || !Number.isInteger(prefixLength) || prefixLength < 1 || prefixLength > 30) return undefined
  const size = 2 ** (32 - prefixLength)
  return first % size === 0 ? { first, last: first + size - 1 } : undefined
}

/** `10.0.0.5 10.0.0.9`, as the wire has it (recorded). */
export function parseRange(text: string): AddressRange | undefined {
  const [first = '', last = '', ...rest] = text.trim().split(/\s+/)
  const from = parseAddress(first)
  const to = parseAddress(last)
  if (rest.length > 0 || from === undefined || to === undefined || from > to) return undefined
  return { first, last }
}

export interface NetworkAddresses {
  readonly ip: IpConfigRecord
  readonly blacklist: Iterable<string>
  /** Of network interfaces. */
  readonly assigned: Iterable<string>
}

/** What is wrong with asking for this address; `undefined` when it can be had. */
export function refusalOf(address: string, network: NetworkAddresses): string | undefined {
  const wanted = parseAddress(address)
  if (wanted === undefined) return `${address} is not an IPv4 address`
  const subnet = subnetOf(network.ip.networkAddress, network.ip.prefixLength)
  if (!subnet || wanted <= subnet.first || wanted >= subnet.last)
    return `IP address ${address} is not in ${network.ip.networkAddress}/${network.ip.prefixLength}`
  return takenAddresses(network).has(wanted) ? `IP address ${address} is already in use` : undefined
}

/** The lowest address of the pools that nobody has. */
export function nextAddress(network: NetworkAddresses): string | undefined {
  const taken = takenAddresses(network)
  for (const { from, to } of network.ip.pools.map(endsOf))
    for (let address = from; address <= to; address += 1) if (!taken.has(address)) return formatAddress(address)
  return undefined
}

export interface AddressCounts {
  readonly free: number
  readonly assigned: number
  readonly pools: readonly { range: AddressRange; free: number; total: number }[]
}

/**
 * Recorded: free and assigned together are the whole subnet, 105 + 23 in a /25. Specified: assigned counts the network
 * address, gateway and DHCP server too. Assumed: the broadcast address and the blacklist as well.
 */
export function countAddresses(network: NetworkAddresses): AddressCounts {
  const taken = takenAddresses(network)
  const size = 2 ** (32 - network.ip.prefixLength)
  return {
    free: size - taken.size,
    assigned: taken.size,
    pools: network.ip.pools.map((range) => {
      const { from, to } = endsOf(range)
      const total = to - from + 1
      const used = [...taken].filter((address) => address >= from && address <= to).length
      return { range, free: total - used, total }
    }),
  }
}

export function endsOf({ first, last }: AddressRange): { from: number; to: number } {
  return { from: parseAddress(first) ?? 0, to: parseAddress(last) ?? -1 }
}

function takenAddresses({ ip, blacklist, assigned }: NetworkAddresses): Set<number> {
  const subnet = subnetOf(ip.networkAddress, ip.prefixLength)
  const texts = [ip.defaultGateway, ip.dhcpServerAddress, ...blacklist, ...assigned]
  const numbers = texts.flatMap((text) => (text === undefined ? [] : (parseAddress(text) ?? [])))
  return new Set(subnet ? [...numbers, subnet.first, subnet.last] : numbers)
}
