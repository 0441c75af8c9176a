import { createHash, randomUUID } from 'node:crypto'
import { countAddresses, endsOf, formatAddress, parseAddress, refusalOf, subnetOf } from './addresses.js'
import type { AddressCounts, NetworkAddresses } from './addresses.js'
import type { SimulatorBehaviour } from './simulator.js'
import type { IpConfigRecord, NetworkRecord, NicRecord, VmRecord } from './store/machine-records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** The virtual switch every cluster starts with (specified for KVM). */
const defaultSwitch = 'br0'
const largestVlan = 4094

/** What a create or an update may say; absent: not said. */
export interface NetworkRequest {
  uuid?: string
  name?: string
  annotation?: string
  vlanId?: number
  vswitchName?: string
  virtualSwitchUuid?: string
  ip?: IpConfigRecord
  logicalTimestamp?: number
}

export interface Assignment {
  readonly address: string
  readonly holder?: { readonly vm: VmRecord; readonly nic: NicRecord }
}

/** Virtual networks and their addresses. Who has which address is written at the interfaces of the machines only. */
export class Networks {
  constructor(
    private readonly store: Store,
    private readonly clusterUuid: string,
    private readonly behaviour: SimulatorBehaviour,
  ) {}

  list(): NetworkRecord[] {
    return [...this.store.networks.values()]
  }

  require(uuid: string): NetworkRecord {
    const network = this.store.networks.get(uuid.toLowerCase())
    if (network) return network
    throw new WireError(this.behaviour.unknownStatus, `Network ${uuid} does not exist`, errorCodes.notFound)
  }

  create(request: NetworkRequest): NetworkRecord {
    const vswitchName = request.vswitchName ?? defaultSwitch
    const vlanId = request.vlanId ?? 0
    const network: NetworkRecord = {
      uuid: request.uuid ?? randomUUID(),
      // Specified: a network on VLAN 66 would be called so.
      name: request.name ?? `vlan.${vlanId}`,
      ...(request.annotation !== undefined && { annotation: request.annotation }),
      logicalTimestamp: 1,
      vlanId,
      vswitchName,
      virtualSwitchUuid: this.switchUuid(vswitchName),
      ...(request.ip && { ip: withDhcpServer(request.ip) }),
      blacklist: [],
    }
    if (this.store.networks.has(network.uuid))
      throw this.refuse(`Network with uuid ${network.uuid} already exists`, errorCodes.exists)
    this.check(network, request.virtualSwitchUuid)
    this.store.commit({ put: { networks: [network] } })
    return network
  }

  update(network: NetworkRecord, request: NetworkRequest): void {
    this.checkTimestamp(network, request.logicalTimestamp)
    const next: NetworkRecord = {
      ...network,
      ...(request.name !== undefined && { name: request.name }),
      ...(request.annotation !== undefined && { annotation: request.annotation }),
      ...(request.vlanId !== undefined && { vlanId: request.vlanId }),
      ...(request.ip && { ip: withDhcpServer(request.ip) }),
      logicalTimestamp: network.logicalTimestamp + 1,
    }
    if (request.vswitchName !== undefined && request.vswitchName !== network.vswitchName)
      throw this.refuse('The virtual switch of a network cannot be changed', errorCodes.badRequest)
    if (request.ip && !network.ip)
      throw this.refuse('An unmanaged network cannot be made a managed one', errorCodes.badRequest)
    this.check(next, request.virtualSwitchUuid)
    this.checkInUse(network, next)
    this.store.commit({ put: { networks: [next] } })
  }

  remove(network: NetworkRecord, logicalTimestamp?: number): void {
    this.checkTimestamp(network, logicalTimestamp)
    this.checkUnused(network, 'deleted')
    this.store.commit({ remove: { networks: [network.uuid] } })
  }

  blacklist(network: NetworkRecord, address: string): void {
    const problem = network.ip
      ? refusalOf(address, addressesOf(this.store, network, network.ip))
      : `Network ${network.name} is not managed`
    if (problem !== undefined) throw this.refuse(problem, errorCodes.badRequest)
    this.change(network, [...network.blacklist, address.trim()])
  }

  unblacklist(network: NetworkRecord, address: string): void {
    if (!network.blacklist.includes(address))
      throw this.refuse(`IP address ${address} is not blacklisted`, errorCodes.notFound)
    this.change(
      network,
      network.blacklist.filter((other) => other !== address),
    )
  }

  assignments(network: NetworkRecord): Assignment[] {
    const held = nicsIn(this.store, network.uuid).flatMap(({ vm, nic }): Assignment[] =>
      nic.address === undefined ? [] : [{ address: nic.address, holder: { vm, nic } }],
    )
    return [...held, ...network.blacklist.map((address) => ({ address }))]
  }

  /** `undefined` for an unmanaged network. */
  counts(network: NetworkRecord): AddressCounts | undefined {
    return network.ip && countAddresses(addressesOf(this.store, network, network.ip))
  }

  interfaces(network: NetworkRecord): number {
    return nicsIn(this.store, network.uuid).length
  }

  private change(network: NetworkRecord, blacklist: readonly string[]): void {
    const logicalTimestamp = network.logicalTimestamp + 1
    this.store.commit({ put: { networks: [{ ...network, blacklist, logicalTimestamp }] } })
  }

  private check(network: NetworkRecord, wantedSwitch: string | undefined): void {
    if (network.name.trim() === '' || network.name.length > 64)
      throw this.refuse(`Invalid network name "${network.name}"`, errorCodes.badRequest)
    if (!Number.isInteger(network.vlanId) || network.vlanId < 0 || network.vlanId > largestVlan)
      throw this.refuse(`VLAN ID ${network.vlanId} is not between 0 and ${largestVlan}`, errorCodes.badRequest)
    if (wantedSwitch !== undefined && wantedSwitch !== network.virtualSwitchUuid)
      throw this.refuse(`Virtual switch ${wantedSwitch} does not exist`, errorCodes.notFound)
    for (const other of this.list()) {
      if (other.uuid === network.uuid) continue
      if (other.name === network.name)
        throw this.refuse(`Network with name ${network.name} already exists`, errorCodes.exists)
      if (other.vlanId === network.vlanId && other.vswitchName === network.vswitchName)
        throw this.refuse(
          `Network with VLAN ID ${network.vlanId} on ${network.vswitchName} already exists`,
          errorCodes.exists,
        )
    }
    const problem = network.ip && problemOf(network.ip)
    if (problem !== undefined) throw this.refuse(problem, errorCodes.badRequest)
  }

  /** Specified: in use it cannot be modified. Assumed: names, pools and DHCP options can. */
  private checkInUse(network: NetworkRecord, next: NetworkRecord): void {
    const movesAway =
      next.vlanId !== network.vlanId ||
      next.ip?.networkAddress !== network.ip?.networkAddress ||
      next.ip?.prefixLength !== network.ip?.prefixLength
    if (movesAway) this.checkUnused(network, 'moved')
    const taken = this.assignments(network).map(({ address }) => address)
    for (const own of [next.ip?.defaultGateway, next.ip?.dhcpServerAddress])
      if (own !== undefined && taken.includes(own))
        throw this.refuse(`IP address ${own} is already in use`, errorCodes.exists)
  }

  private checkUnused(network: NetworkRecord, what: string): void {
    const [user] = nicsIn(this.store, network.uuid)
    if (user)
      throw this.refuse(
        `Network ${network.name} is in use by VM ${user.vm.name} and cannot be ${what}`,
        errorCodes.attached,
      )
  }

  private checkTimestamp(network: NetworkRecord, given: number | undefined): void {
    if (given === undefined || given === 0 || given === network.logicalTimestamp) return
    throw new WireError(
      this.behaviour.staleStatus,
      `Logical timestamp mismatch for network ${network.uuid}: current ${network.logicalTimestamp}, given ${given}`,
      errorCodes.stale,
    )
  }

  private refuse(message: string, code: number): WireError {
    return new WireError(this.behaviour.refusedStatus, message, code)
  }

  /** The same for all networks of one switch (recorded), and after every restart. */
  private switchUuid(name: string): string {
    const hex = createHash('sha1').update(`${this.clusterUuid} ${name}`).digest('hex')
    return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-a$4-$5')
  }
}

/** Every interface on a network, machine by machine. */
export function nicsIn(store: Store, networkUuid: string): { vm: VmRecord; nic: NicRecord }[] {
  return [...store.vms.values()].flatMap((vm) =>
    vm.nics.filter((nic) => nic.networkUuid === networkUuid).map((nic) => ({ vm, nic })),
  )
}

export function addressesOf(store: Store, network: NetworkRecord, ip: IpConfigRecord): NetworkAddresses {
  const assigned = nicsIn(store, network.uuid).flatMap(({ nic }) => nic.address ?? [])
  return { ip, blacklist: network.blacklist, assigned }
}

/** Recorded (one network): the DHCP server has the last address below the broadcast one. */
function withDhcpServer(ip: IpConfigRecord): IpConfigRecord {
  const subnet = subnetOf(ip.networkAddress, ip.prefixLength)
  if (ip.dhcpServerAddress !== undefined || !subnet) return ip
  const last = subnet.last - 1
  const free = formatAddress(last) === ip.defaultGateway ? last - 1 : last
  return { ...ip, dhcpServerAddress: formatAddress(free) }
}

function problemOf(ip: IpConfigRecord): string | undefined {
  const cidr = `${ip.networkAddress}/${ip.prefixLength}`
  const subnet = subnetOf(ip.networkAddress, ip.prefixLength)
  if (!subnet) return `${cidr} is not an IPv4 subnet`
  const isInside = (address: number): boolean => address > subnet.first && address < subnet.last
  for (const [what, text] of [
    ['Default gateway', ip.defaultGateway],
    ['DHCP server address', ip.dhcpServerAddress],
  ] as const) {
    if (text === undefined) continue
    const address = parseAddress(text)
    if (address === undefined || !isInside(address)) return `${what} ${text} is not in ${cidr}`
  }
  if (ip.defaultGateway !== undefined && ip.defaultGateway === ip.dhcpServerAddress)
    return 'Default gateway and DHCP server have the same address'
  const ends = ip.pools.map((range) => ({ ...endsOf(range), text: `${range.first} ${range.last}` }))
  for (const [at, pool] of ends.entries()) {
    if (!isInside(pool.from) || !isInside(pool.to)) return `IP pool ${pool.text} is not in ${cidr}`
    if (ends.slice(0, at).some((other) => pool.from <= other.to && other.from <= pool.to))
      return `IP pool ${pool.text} overlaps another one`
  }
  return undefined
}
