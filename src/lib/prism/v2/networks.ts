import * as v from 'valibot'
import { AcsError, isAcsError } from '../../base/errors.js'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { CallOptions, Network, NetworkIp, NetworkSpec } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { saysTaken } from './bring-forth.js'
import { listAll } from './collection.js'
import { networkSchema, type NetworkEntity } from './machine-schema.js'
import { remove } from './removal.js'
import { text, understand } from './schema.js'
import { optional } from './request-body.js'

export async function listNetworks(http: PrismHttp, options: CallOptions = {}): Promise<Network[]> {
  const entities = await listAll(http, networkSchema, '/networks/', {
    deadline: options.deadline,
    doing: 'listing networks',
  })
  return entities.map(toNetwork)
}

/** Answered at once (v2 `NetworkIdDTO`). Not repeated by itself after a lost answer. Throws EACSEXISTS, EACSPRISM. */
export async function createNetwork(
  http: PrismHttp,
  spec: NetworkSpec,
  options: CallOptions = {},
): Promise<{ uuid: string }> {
  const deadline = options.deadline ?? deadlineIn(60_000)
  const doing = `creating the network "${spec.name}"`
  const body = {
    name: spec.name,
    ...optional('annotation', spec.description),
    vlan_id: spec.vlanId,
    ...optional('vswitch_name', spec.virtualSwitch),
    ...(spec.ip === undefined ? {} : { ip_config: ipConfigOf(spec.ip) }),
  }
  try {
    const answer = await http.request({ method: 'POST', path: '/networks/', body, deadline, doing })
    const { network_uuid: uuid } = understand(v.object({ network_uuid: text }), answer.body, 'a new network')
    return { uuid: uuid ?? (await uuidOf(http, spec, deadline)) }
  } catch (error) {
    throw await explain(http, spec, error, deadline)
  }
}

export async function deleteNetwork(http: PrismHttp, network: Network, options: CallOptions = {}): Promise<void> {
  const removal = {
    what: 'network',
    path: `/networks/${encodeURIComponent(network.uuid)}`,
    find: async (call: CallOptions) => (await listNetworks(http, call)).find(({ uuid }) => uuid === network.uuid),
    lookCommand: `acs network show ${network.name}`,
  }
  await remove(http, network, removal, options)
}

async function uuidOf(http: PrismHttp, spec: NetworkSpec, deadline: Deadline): Promise<string> {
  const made = (await listNetworks(http, { deadline })).find(
    ({ name, vlanId }) => name === spec.name && vlanId === spec.vlanId,
  )
  if (made) return made.uuid
  throw new AcsError(
    'failed',
    'EACSPRISM',
    `Prism says that the network "${spec.name}" was created, and does not list it`,
  )
}

async function explain(http: PrismHttp, spec: NetworkSpec, error: unknown, deadline: Deadline): Promise<unknown> {
  if (!isAcsError(error, 'EACSPRISM') || !saysTaken(error.message)) return error
  const networks = await listNetworks(http, { deadline })
  const sameName = networks.find(({ name }) => name === spec.name)
  const other = sameName ?? networks.find((network) => isSameVlan(network, spec))
  if (!other) return error
  return new AcsError(
    'conflict',
    'EACSEXISTS',
    sameName
      ? `there is already a network "${spec.name}"`
      : `the network "${other.name}" has VLAN ${spec.vlanId} already`,
    {
      cause: error,
      details: { ...error.details, uuid: other.uuid, name: other.name, vlanId: other.vlanId },
      hints: [`Look at it: acs network show ${other.name}`],
    },
  )
}

/** A VLAN is one of its virtual switch; where none is named, it may be any. */
function isSameVlan(network: Network, spec: NetworkSpec): boolean {
  if (network.vlanId !== spec.vlanId) return false
  return spec.virtualSwitch === undefined || (network.virtualSwitch ?? spec.virtualSwitch) === spec.virtualSwitch
}

function ipConfigOf(ip: NonNullable<NetworkSpec['ip']>): Record<string, unknown> {
  return {
    network_address: ip.networkAddress,
    prefix_length: ip.prefixLength,
    ...optional('default_gateway', ip.defaultGateway),
    ...optional('dhcp_server_address', ip.dhcpServerAddress),
    dhcp_options: {
      ...optional('domain_name', ip.domainName),
      ...(ip.nameServers.length === 0 ? {} : { domain_name_servers: ip.nameServers.join(',') }),
    },
    pool: ip.pools.map(({ first, last }) => ({ range: `${first} ${last}` })),
  }
}

function toNetwork(entity: NetworkEntity): Network {
  return {
    uuid: entity.uuid,
    name: entity.name ?? '',
    description: entity.annotation ?? '',
    vlanId: entity.vlan_id ?? 0,
    logicalTimestamp: entity.logical_timestamp ?? 0,
    virtualSwitch: entity.vswitch_name || undefined,
    ip: ipOf(entity.ip_config),
  }
}

/** An unmanaged network has an `ip_config` too, with nothing in it (recorded). */
function ipOf(config: NetworkEntity['ip_config']): NetworkIp | undefined {
  if (!config?.network_address || config.ipam_enabled === false) return undefined
  const { dhcp_options: dhcp } = config
  return {
    networkAddress: config.network_address,
    prefixLength: config.prefix_length ?? 0,
    defaultGateway: config.default_gateway || undefined,
    dhcpServerAddress: config.dhcp_server_address || undefined,
    domainName: dhcp?.domain_name || undefined,
    nameServers: (dhcp?.domain_name_servers ?? '').split(/[\s,]+/).filter(Boolean),
    pools: (config.pool ?? []).flatMap(({ range }) => {
      const [first, last = first] = (range ?? '').trim().split(/\s+/)
      return first && last ? [{ first, last }] : []
    }),
    freeAddresses: countOf(config.free_ips),
    assignedAddresses: countOf(config.assigned_ips),
  }
}

/** -1 says that the cluster does not count them (recorded). */
function countOf(value: number | null | undefined): number | undefined {
  return value !== undefined && value !== null && value >= 0 ? value : undefined
}
