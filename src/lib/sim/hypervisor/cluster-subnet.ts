import { networkInterfaces } from 'node:os'
import { AcsError } from '../../base/errors.js'
import { formatAddress, parseAddress, subnetOf } from '../addresses.js'
import type { Networks } from '../networks.js'

/** Where the cluster itself is, and the machines of its first network. */
export interface ClusterSubnet {
  networkAddress: string
  prefixLength: number
  /** First address: Prism, the data services and the machines' router are this machine. */
  services: string
  /** Second: from where the hypervisor reaches the data services. */
  hypervisor: string
}

const defaultSubnet = '10.38.0.0/24'
/** Room for the cluster's own addresses, the DHCP server and 100 machines. */
const longestPrefix = 25

/** `10.38.0.0/24`. Throws EACSSUBNET (usage). */
export function parseClusterSubnet(text = defaultSubnet): ClusterSubnet {
  const [networkAddress = '', length = ''] = text.split('/')
  const prefixLength = Number(length)
  const subnet =
    /^\d+$/.test(length) && prefixLength <= longestPrefix ? subnetOf(networkAddress, prefixLength) : undefined
  if (!subnet)
    throw new AcsError('usage', 'EACSSUBNET', `"${text}" is not a subnet for machines`, {
      hints: [`A subnet looks like ${defaultSubnet}, and has at most /${longestPrefix}`],
    })
  return {
    networkAddress,
    prefixLength,
    services: formatAddress(subnet.first + 1),
    hypervisor: formatAddress(subnet.first + 2),
  }
}

/** Throws EACSSUBNET (conflict) where this machine already has another address in it. */
export function checkFree(subnet: ClusterSubnet): void {
  const range = subnetOf(subnet.networkAddress, subnet.prefixLength)
  for (const [device, addresses] of Object.entries(networkInterfaces()))
    for (const { address, family } of addresses ?? []) {
      const number = family === 'IPv4' ? parseAddress(address) : undefined
      if (number === undefined || !range || number < range.first || number > range.last) continue
      if (address === subnet.services && device.startsWith('acs')) continue
      throw new AcsError(
        'conflict',
        'EACSSUBNET',
        `${device} of this machine already has ${address}, in the machines' subnet`,
        {
          hints: ['Choose another one with --subnet'],
        },
      )
    }
}

/** The cluster's first network, where there is none: managed, a hundred addresses. */
export function foundNetwork(networks: Networks, subnet: ClusterSubnet): void {
  if (networks.list().some(({ vlanId }) => vlanId === 0)) return
  const first = parseAddress(subnet.networkAddress) ?? 0
  networks.create({
    name: 'machines',
    vlanId: 0,
    ip: {
      networkAddress: subnet.networkAddress,
      prefixLength: subnet.prefixLength,
      defaultGateway: subnet.services,
      dhcpOptions: {},
      pools: [{ first: formatAddress(first + 10), last: formatAddress(first + 109) }],
    },
  })
}

/** That of the network there is, so that a simulator starts again as it was. */
export function presentSubnet(networks: Networks): string | undefined {
  const ip = networks.list().find(({ vlanId }) => vlanId === 0)?.ip
  return ip && `${ip.networkAddress}/${ip.prefixLength}`
}
