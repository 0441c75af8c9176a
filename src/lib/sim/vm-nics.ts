import { randomBytes } from 'node:crypto'
import { nextAddress, refusalOf, type NetworkAddresses } from './addresses.js'
import { addressesOf } from './networks.js'
import type { NetworkRecord, NicPlan, NicRecord } from './store/machine-records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** Nutanix's own prefix. */
const macPrefix = '50:6b:8d'

/**
 * Makes the interfaces of one change, all of which must differ from each other and from those there are.
 * `without`: a machine whose present interfaces go with the same change.
 */
export class NicMaker {
  private present: NicRecord[]

  constructor(
    private readonly store: Store,
    without?: string,
  ) {
    this.present = [...store.vms.values()].flatMap((vm) => (vm.uuid === without ? [] : vm.nics))
  }

  /** @throws WireError when the network is gone, or what was asked for is taken. */
  make(plan: NicPlan): NicRecord {
    const network = this.store.networks.get(plan.networkUuid)
    if (!network) throw new WireError(500, `Network ${plan.networkUuid} does not exist`, errorCodes.notFound)
    const address = this.addressFor(network, plan)
    const nic: NicRecord = {
      uuid: plan.uuid,
      macAddress: this.macAddress(plan.macAddress),
      networkUuid: network.uuid,
      connected: plan.connected,
      ...(plan.model !== undefined && { model: plan.model }),
      ...(plan.requestedAddress !== undefined && { requestedAddress: plan.requestedAddress }),
      ...(address !== undefined && { address }),
    }
    this.present.push(nic)
    return nic
  }

  /** The interface with another address of its network. */
  readdress(nic: NicRecord, requestedAddress: string): NicRecord {
    this.present = this.present.filter((other) => other.uuid !== nic.uuid)
    const { uuid, networkUuid, connected, macAddress, model } = nic
    return this.make({ uuid, networkUuid, connected, macAddress, model, requestedAddress })
  }

  /** A snapshot's interface again; its address only if it is still free. */
  again(nic: NicRecord): NicRecord {
    const network = this.store.networks.get(nic.networkUuid)
    const isFree =
      network?.ip !== undefined &&
      nic.address !== undefined &&
      refusalOf(nic.address, this.addresses(network, network.ip)) === undefined
    const macAddress = this.present.some((other) => other.macAddress === nic.macAddress) ? undefined : nic.macAddress
    const { uuid, networkUuid, connected, model } = nic
    const made = this.make({
      ...{ uuid, networkUuid, connected, macAddress, model },
      ...(isFree && { requestedAddress: nic.address }),
      requestIp: nic.address !== undefined,
    })
    const { requestedAddress, ...rest } = made
    return nic.requestedAddress === undefined ? rest : { ...rest, requestedAddress }
  }

  private addressFor(network: NetworkRecord, { requestIp = true, requestedAddress }: NicPlan): string | undefined {
    if (!requestIp) return undefined
    if (!network.ip) {
      if (requestedAddress === undefined) return undefined
      throw new WireError(500, `Network ${network.name} is not managed and gives no addresses`, errorCodes.badRequest)
    }
    const addresses = this.addresses(network, network.ip)
    if (requestedAddress !== undefined) {
      const problem = refusalOf(requestedAddress, addresses)
      if (problem !== undefined) throw new WireError(500, problem, errorCodes.exists)
      return requestedAddress
    }
    const next = nextAddress(addresses)
    if (next !== undefined) return next
    throw new WireError(500, `No IP address available on network ${network.name}`, errorCodes.noSpace)
  }

  private addresses(network: NetworkRecord, ip: NonNullable<NetworkRecord['ip']>): NetworkAddresses {
    const assigned = this.present.flatMap((nic) => (nic.networkUuid === network.uuid ? (nic.address ?? []) : []))
    return { ...addressesOf(this.store, network, ip), assigned }
  }

  private macAddress(wish: string | undefined): string {
    const taken = new Set(this.present.map((nic) => nic.macAddress))
    if (wish !== undefined) {
      const mac = wish.toLowerCase()
      if (taken.has(mac)) throw new WireError(500, `MAC address ${mac} is already in use`, errorCodes.exists)
      return mac
    }
    for (;;) {
      const mac = `${macPrefix}:${randomBytes(3)
        .toString('hex')
        .replace(/(..)(?!$)/g, '$1:')}`
      if (!taken.has(mac)) return mac
    }
  }
}
