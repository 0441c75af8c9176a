import { parseRange } from '../../addresses.js'
import type { NetworkRequest } from '../../networks.js'
import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { DhcpOptions, IpConfigRecord, NetworkRecord } from '../../store/machine-records.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { readUuid, type Fields } from '../fields.js'
import { bodyOf, queryInteger, routesOf, type Reply, type Request, type Route } from '../routes.js'

const route = routesOf('v2.0')

/** All of it answers at once: networks have no tasks in v2.0 (specified). */
export const networkRoutes: readonly Route[] = [
  route('GET', '/networks', ({ cluster }) => ({
    body: collection(cluster.networks.list().map((network) => networkDto(cluster, network))),
  })),
  route('POST', '/networks', (request) => {
    const network = request.cluster.networks.create(readNetwork(bodyOf(request)))
    return { status: request.cluster.behaviour.createdStatus, body: { network_uuid: network.uuid } }
  }),
  route('GET', '/networks/{uuid}', (request) => ({ body: networkDto(request.cluster, networkOf(request)) })),
  route('PUT', '/networks/{uuid}', (request) => {
    request.cluster.networks.update(networkOf(request), readNetwork(bodyOf(request)))
    return done
  }),
  route('DELETE', '/networks/{uuid}', (request) => {
    request.cluster.networks.remove(networkOf(request), queryInteger(request.query, 'logical_timestamp'))
    return done
  }),
  route('GET', '/networks/{uuid}/addresses', listAddresses),
  route('POST', '/networks/{uuid}/blacklist_ip_addresses', (request) => {
    const address = bodyOf(request).string('value')
    if (address === undefined) throw bad('Field value is missing')
    request.cluster.networks.blacklist(networkOf(request), address)
    return { ...done, status: request.cluster.behaviour.createdStatus }
  }),
  route('DELETE', '/networks/{uuid}/blacklist_ip/{ipaddress}', (request) => {
    request.cluster.networks.unblacklist(networkOf(request), request.parameters.ipaddress ?? '')
    return done
  }),
]

const done: Reply = { body: { value: true } }

/** Recorded (AOS 6.1), a managed network and an unmanaged one. */
export function networkDto({ networks }: SimulatedCluster, network: NetworkRecord): object {
  const counts = networks.counts(network)
  const { ip } = network
  return {
    logical_timestamp: network.logicalTimestamp,
    vlan_id: network.vlanId,
    ip_config: {
      ...(ip && { network_address: ip.networkAddress }),
      prefix_length: ip?.prefixLength ?? 0,
      ipam_enabled: ip !== undefined,
      free_ips: counts?.free ?? -1,
      assigned_ips: counts?.assigned ?? -1,
      // Recorded as 0 for the unmanaged network; whether nothing was connected to it is not known.
      num_macs: networks.interfaces(network),
      ...(ip?.defaultGateway !== undefined && { default_gateway: ip.defaultGateway }),
      dhcp_options: ip?.dhcpOptions ?? {},
      pool: (counts?.pools ?? []).map(({ range, free, total }) => ({
        range: `${range.first} ${range.last}`,
        num_free_ips: free,
        num_total_ips: total,
      })),
      ...(ip?.dhcpServerAddress !== undefined && { dhcp_server_address: ip.dhcpServerAddress }),
    },
    uuid: network.uuid,
    virtual_switch_uuid: network.virtualSwitchUuid,
    name: network.name,
    ...(network.annotation !== undefined && { annotation: network.annotation }),
    vswitch_name: network.vswitchName,
  }
}

function listAddresses(request: Request): Reply {
  const network = networkOf(request)
  const assignments = request.cluster.networks.assignments(network).map(({ address, holder }) => ({
    ip_address: address,
    type: holder ? 'VM' : 'RESERVATION',
    deleted: false,
    ...(holder && { mac_address: holder.nic.macAddress, entity_uuid: holder.vm.uuid, vm_name: holder.vm.name }),
  }))
  return { body: collection(assignments) }
}

/** Recorded for networks: nothing but the two totals. */
function collection(entities: readonly object[]): object {
  return { metadata: { grand_total_entities: entities.length, total_entities: entities.length }, entities }
}

function readNetwork(fields: Fields): NetworkRequest {
  return {
    uuid: readUuid(fields.string('uuid')),
    name: fields.string('name'),
    annotation: fields.string('annotation'),
    vlanId: fields.integer('vlan_id'),
    vswitchName: fields.string('vswitch_name'),
    virtualSwitchUuid: fields.string('virtual_switch_uuid')?.toLowerCase(),
    ip: readIpConfig(fields.object('ip_config')),
    logicalTimestamp: fields.integer('logical_timestamp'),
  }
}

/** The answer for an unmanaged network, sent back, means an unmanaged one again. */
function readIpConfig(fields: Fields | undefined): IpConfigRecord | undefined {
  if (!fields) return undefined
  const networkAddress = fields.string('network_address')
  const prefixLength = fields.integer('prefix_length')
  if (networkAddress === undefined && (prefixLength ?? 0) === 0) return undefined
  if (networkAddress === undefined || prefixLength === undefined)
    throw bad('Fields ip_config.network_address and ip_config.prefix_length belong together')
  const pools = (fields.objects('pool') ?? []).map((pool) => {
    const text = pool.string('range') ?? ''
    const range = parseRange(text)
    if (!range) throw bad(`"${text}" is not a range of IPv4 addresses like "10.0.0.10 10.0.0.99"`)
    return range
  })
  const defaultGateway = fields.string('default_gateway') || undefined
  const dhcpServerAddress = fields.string('dhcp_server_address') || undefined
  return {
    networkAddress,
    prefixLength,
    ...(defaultGateway !== undefined && { defaultGateway }),
    ...(dhcpServerAddress !== undefined && { dhcpServerAddress }),
    dhcpOptions: readDhcpOptions(fields.object('dhcp_options')),
    pools,
  }
}

function readDhcpOptions(fields: Fields | undefined): DhcpOptions {
  const names = ['domain_name_servers', 'domain_name', 'domain_search', 'tftp_server_name', 'boot_file_name'] as const
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = fields?.string(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

function networkOf({ cluster, parameters }: Request): NetworkRecord {
  return cluster.networks.require(parameters.uuid ?? '')
}

function bad(message: string): WireError {
  return new WireError(400, message, errorCodes.badRequest)
}
