import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadlineIn } from '../../base/deadline.js'
import type { Runner } from '../../host/host.js'
import { formatAddress } from '../addresses.js'
import { nicsIn } from '../networks.js'
import type { IpConfigRecord, NetworkRecord } from '../store/machine-records.js'
import type { Store } from '../store/store.js'
import type { VirtualSwitch } from './virtual-switch.js'

const withinMs = 30_000

/**
 * The DHCP server of a managed network: dnsmasq in the switch's namespace, which gives each interface the address the cluster
 * has recorded for it, and to nobody else one.
 */
export class DhcpServer {
  constructor(
    private readonly run: Runner,
    private readonly network: VirtualSwitch,
    private readonly store: Store,
    private readonly folder: string,
  ) {}

  /** Serves the network, with the interfaces there are now. */
  async serve(network: NetworkRecord): Promise<void> {
    const { ip } = network
    if (!ip?.dhcpServerAddress) return
    await writeFile(this.path(network, 'hosts'), this.hosts(network), { mode: 0o600 })
    const pid = await this.pidOf(network)
    if (pid !== undefined) {
      // It reads its hosts again.
      process.kill(pid, 'SIGHUP')
      return
    }
    const { dhcpServerAddress: address, prefixLength } = ip
    await this.network.addAddress(network.vlanId, { address, prefixLength })
    const bridge = await this.network.bridge(network.vlanId)
    const [command = '', ...enter] = this.network.enter
    const argv = [...enter, 'dnsmasq', ...this.options(network, ip, bridge)]
    await this.run.run(command, argv, { deadline: deadlineIn(withinMs) })
  }

  async close(): Promise<void> {
    for (const network of this.store.networks.values()) {
      const pid = await this.pidOf(network)
      if (pid !== undefined) process.kill(pid, 'SIGTERM')
    }
  }

  private options(network: NetworkRecord, ip: IpConfigRecord, bridge: string): string[] {
    const { dhcpOptions, defaultGateway } = ip
    const options = [
      '--conf-file=/dev/null',
      '--no-hosts',
      '--no-resolv',
      // DHCP only.
      '--port=0',
      '--user=root',
      `--interface=${bridge}`,
      '--bind-interfaces',
      '--except-interface=lo',
      '--no-ping',
      '--dhcp-authoritative',
      `--dhcp-range=${ip.networkAddress},static,${maskOf(ip)},infinite`,
      `--dhcp-hostsfile=${this.path(network, 'hosts')}`,
      `--dhcp-leasefile=${this.path(network, 'leases')}`,
      `--pid-file=${this.path(network, 'pid')}`,
      `--log-facility=${this.path(network, 'log')}`,
      // An empty option keeps dnsmasq from naming itself.
      defaultGateway === undefined ? '--dhcp-option=option:router' : `--dhcp-option=option:router,${defaultGateway}`,
    ]
    const named: [string, string | undefined][] = [
      ['option:dns-server', dhcpOptions.domain_name_servers],
      ['option:domain-name', dhcpOptions.domain_name],
      ['option:domain-search', dhcpOptions.domain_search],
      ['option:tftp-server', dhcpOptions.tftp_server_name],
      ['option:bootfile-name', dhcpOptions.boot_file_name],
    ]
    for (const [name, value] of named)
      if (value !== undefined && value !== '') options.push(`--dhcp-option=${name},${value}`)
    if (!dhcpOptions.domain_name_servers) options.push('--dhcp-option=option:dns-server')
    return options
  }

  private hosts(network: NetworkRecord): string {
    const lines = nicsIn(this.store, network.uuid).flatMap(({ nic }) =>
      nic.address === undefined ? [] : [`${nic.macAddress},${nic.address}\n`],
    )
    return lines.join('')
  }

  /** Of the server of ours that runs. */
  private async pidOf(network: NetworkRecord): Promise<number | undefined> {
    const path = this.path(network, 'pid')
    const pid = Number(await readFile(path, 'utf8').catch(() => ''))
    if (!(pid > 0)) return undefined
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return words.includes(`--pid-file=${path}`) ? pid : undefined
  }

  private path(network: NetworkRecord, what: string): string {
    return join(this.folder, `dhcp-${network.uuid}.${what}`)
  }
}

function maskOf({ prefixLength }: IpConfigRecord): string {
  const size = 2 ** (32 - prefixLength)
  return formatAddress(2 ** 32 - size)
}
