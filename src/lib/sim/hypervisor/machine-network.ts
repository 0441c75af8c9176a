import { chmod } from 'node:fs/promises'
import type { Runner } from '../../host/host.js'
import { errorCodes, WireError } from '../wire-error.js'
import type { NetworkRecord, NicRecord } from '../store/machine-records.js'
import type { Store } from '../store/store.js'
import { DhcpServer } from './dhcp-server.js'
import type { ClusterSubnet } from './cluster-subnet.js'
import type { Interface } from './qemu-arguments.js'
import { VirtualSwitch } from './virtual-switch.js'

/** How machines reach each other, this machine, and the cluster. */
export interface MachineNetwork {
  /** Words before a command that is to run where the machines' devices are. */
  readonly enter: readonly string[]
  /** Makes what the interface is plugged into. */
  plug(nic: NicRecord): Promise<Interface>
  unplugged(nicUuid: string): Promise<void>
  close(): Promise<void>
}

/** QEMU's own: each machine alone behind an address translation. For whoever is not root. */
export const userNetwork: MachineNetwork = {
  enter: [],
  plug: ({ uuid, macAddress, model, connected }) => Promise.resolve({ uuid, macAddress, model, connected }),
  unplugged: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

/**
 * Opens the cluster's switch, with this machine at the first address of the cluster's subnet and the hypervisor at the second.
 *
 * @param again machines of a simulator that died may still hang on it
 */
export async function openBridgedNetwork(options: {
  run: Runner
  store: Store
  dataFolder: string
  machinesFolder: string
  subnet: ClusterSubnet
  again: boolean
}): Promise<MachineNetwork> {
  const { run, store, subnet } = options
  const network = new VirtualSwitch(run, options.dataFolder)
  const dhcp = new DhcpServer(run, network, store, options.machinesFolder)
  await chmod(options.machinesFolder, 0o700)
  await network.open(options.again)
  const { prefixLength } = subnet
  await network.becomeRouter(0, { address: subnet.services, prefixLength })
  await network.addAddress(0, { address: subnet.hypervisor, prefixLength })
  const plug = async ({ uuid, networkUuid, macAddress, model, connected }: NicRecord): Promise<Interface> => {
    const record = requireNetwork(store, networkUuid)
    const { vlanId, ip } = record
    if (ip?.defaultGateway !== undefined)
      await network.becomeRouter(vlanId, { address: ip.defaultGateway, prefixLength: ip.prefixLength })
    await dhcp.serve(record)
    return { uuid, macAddress, model, connected, tap: await network.addTap(uuid, vlanId) }
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    enter: network.enter,
    plug(nic) {
      // One after the other: two first machines of a network need one bridge and one server.
      const plugged = last.then(() => plug(nic))
      last = plugged.catch(() => undefined)
      return plugged
    },
    unplugged: (nicUuid) => network.removeTap(nicUuid),
    async close() {
      await dhcp.close()
      await network.close()
    },
  }
}

function requireNetwork(store: Store, uuid: string): NetworkRecord {
  const network = store.networks.get(uuid)
  if (network) return network
  throw new WireError(500, `Network ${uuid} does not exist`, errorCodes.notFound)
}
