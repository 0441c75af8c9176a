import type { Network } from '../prism/prism.js'
import type { Columns } from './output/columns.js'

/** Columns of a network, for every command that shows one. */
export const networkColumns: Columns<Network> = [
  { key: 'name', header: 'Name', value: (network) => network.name },
  { key: 'uuid', header: 'UUID', value: (network) => network.uuid },
  { key: 'vlan', header: 'VLAN', numeric: true, value: (network) => network.vlanId },
  { key: 'subnet', header: 'Subnet', value: ({ ip }) => (ip ? `${ip.networkAddress}/${ip.prefixLength}` : null) },
  { key: 'gateway', header: 'Gateway', value: ({ ip }) => ip?.defaultGateway ?? null },
  { key: 'pools', header: 'Pools', value: ({ ip }) => (ip?.pools ?? []).map(({ first, last }) => `${first}-${last}`) },
  { key: 'freeAddresses', header: 'Free', numeric: true, value: ({ ip }) => ip?.freeAddresses ?? null },
  {
    key: 'assignedAddresses',
    header: 'Assigned',
    default: false,
    numeric: true,
    value: ({ ip }) => ip?.assignedAddresses ?? null,
  },
  { key: 'nameServers', header: 'DNS', default: false, value: ({ ip }) => ip?.nameServers ?? [] },
  { key: 'domain', header: 'Domain', default: false, value: ({ ip }) => ip?.domainName ?? null },
  { key: 'dhcpServer', header: 'DHCP server', default: false, value: ({ ip }) => ip?.dhcpServerAddress ?? null },
  { key: 'virtualSwitch', header: 'Switch', default: false, value: (network) => network.virtualSwitch ?? null },
  { key: 'description', header: 'Description', default: false, value: (network) => network.description || null },
]
