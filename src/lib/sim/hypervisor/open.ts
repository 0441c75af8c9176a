import { constants, existsSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { deadlineIn } from '../../base/deadline.js'
import { ensureFolder } from '../../base/durable-file.js'
import { AcsError } from '../../base/errors.js'
import { createRunner, searchPath } from '../../host/exec.js'
import type { Runner } from '../../host/host.js'
import type { SimulatedCluster } from '../simulated-cluster.js'
import { checkFree, foundNetwork, parseClusterSubnet, presentSubnet, type ClusterSubnet } from './cluster-subnet.js'
import { openBridgedNetwork, userNetwork } from './machine-network.js'
import { QemuHypervisor } from './qemu-hypervisor.js'

/** Debian's name of what each tool comes in. */
const tools: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  genisoimage: 'genisoimage',
}
const rootTools: Readonly<Record<string, string>> = { ip: 'iproute2', nsenter: 'util-linux', dnsmasq: 'dnsmasq-base' }
const firmwareFolder = '/usr/share/OVMF'
const kvmWithinMs = 2000

export interface OpenedHypervisor {
  hypervisor: QemuHypervisor
  /** Where Prism and the data services are for machines; absent where those are not on a network with this machine. */
  subnet?: ClusterSubnet
}

/**
 * Makes this machine able to boot the cluster's machines. Throws EACSTOOLMISSING (precondition) that names what is missing and the
 * packages, EACSSUBNET (usage, conflict).
 */
export async function openHypervisor(
  cluster: SimulatedCluster,
  options: { dataFolder: string; subnet?: string | undefined; portal: () => string },
): Promise<OpenedHypervisor> {
  const isRoot = process.getuid?.() === 0
  checkTools({ ...tools, ...(isRoot && rootTools) })
  const folder = join(options.dataFolder, 'machines')
  await ensureFolder(folder)
  const run = createRunner()
  const { store, networks } = cluster
  const subnet = isRoot ? parseClusterSubnet(options.subnet ?? presentSubnet(networks)) : undefined
  if (subnet) {
    checkFree(subnet)
    foundNetwork(networks, subnet)
  }
  const again = [...store.vms.values()].some(({ powerState }) => powerState === 'on' || powerState === 'paused')
  const network = subnet
    ? await openBridgedNetwork({ run, store, dataFolder: options.dataFolder, machinesFolder: folder, subnet, again })
    : userNetwork
  const firmware = findFirmware()
  const hypervisor = new QemuHypervisor({
    ...{ store, disks: cluster.disks, log: cluster.log, run, folder, network, again },
    accelerated: await hasKvm(run),
    ...(firmware && { firmware }),
    dataServices: () => ({ portal: options.portal(), initiatorName: cluster.hypervisorInitiator }),
    poweredOff: (uuid) => cluster.vms.poweredOff(uuid),
  })
  return { hypervisor, ...(subnet && { subnet }) }
}

function checkTools(wanted: Readonly<Record<string, string>>): void {
  const folders = searchPath().split(':')
  const missing = Object.keys(wanted).filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((tool) => wanted[tool]))].join(' ')
  throw new AcsError(
    'precondition',
    'EACSTOOLMISSING',
    `this machine lacks what boots machines: ${missing.join(', ')}`,
    {
      hints: [`apt-get install ${packages}`, 'Without --hypervisor qemu, machines are records only'],
    },
  )
}

/**
 * Whether KVM works, and not only is there: some virtual machines have a /dev/kvm that cannot run a guest, or takes seconds
 * for its firmware (seen: kvm_pvm). A machine without a disk resets itself at once, and QEMU ends with it.
 */
async function hasKvm(run: Runner): Promise<boolean> {
  const argv = ['-accel', 'kvm', '-cpu', 'host', '-nodefaults', '-display', 'none', '-m', '16']
  const toTheEnd = ['-boot', 'reboot-timeout=0', '-no-reboot']
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK)
    await run.run('qemu-system-x86_64', [...argv, ...toTheEnd], { deadline: deadlineIn(kvmWithinMs) })
    return true
  } catch {
    return false
  }
}

function findFirmware(): { code: string; variables: string } | undefined {
  const pair = ['_4M', ''].map((size) => ({
    code: join(firmwareFolder, `OVMF_CODE${size}.fd`),
    variables: join(firmwareFolder, `OVMF_VARS${size}.fd`),
  }))
  return pair.find(({ code, variables }) => existsSync(code) && existsSync(variables))
}
