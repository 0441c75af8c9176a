import { Flags } from '@oclif/core'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import { networkColumns } from '../../lib/cli/networks.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class NetworkCreate extends AcsCommand<JsonRecord, typeof NetworkCreate> {
  static override summary = 'Create a network: a VLAN, and with --subnet one whose addresses the cluster gives out.'
  static override examples = [
    '<%= config.bin %> network create storage --vlan 133',
    '<%= config.bin %> network create web --vlan 10 --subnet 10.1.1.0/24 --gateway 10.1.1.1 --pool 10.1.1.10-10.1.1.99 --dns 10.1.1.2',
  ]
  static override args = { name: nameArg('Name of the new network') }
  static override flags = {
    vlan: Flags.integer({ summary: 'VLAN, 0 for untagged.', min: 0, max: 4094, required: true, helpValue: 'ID' }),
    vswitch: Flags.string({ summary: "Virtual switch; the cluster's own (br0) unless named.", helpValue: 'NAME' }),
    description: Flags.string({ summary: 'Text for people.' }),
    subnet: Flags.string({
      summary: 'Let the cluster give out addresses of this subnet.',
      helpValue: 'ADDRESS/PREFIX',
    }),
    gateway: Flags.string({ summary: 'Default gateway.', helpValue: 'ADDRESS' }),
    pool: Flags.string({
      summary: 'Addresses to give out; repeat for several ranges.',
      helpValue: 'FIRST-LAST',
      multiple: true,
      multipleNonGreedy: true,
    }),
    dns: Flags.string({
      summary: 'Name server; repeat for several.',
      helpValue: 'ADDRESS',
      multiple: true,
      multipleNonGreedy: true,
    }),
    domain: Flags.string({ summary: 'Domain name.' }),
    'dhcp-server': Flags.string({ summary: "The cluster's own address as DHCP server.", helpValue: 'ADDRESS' }),
    'dry-run': mutationFlags['dry-run'],
  }

  async run(): Promise<JsonRecord> {
    const { networkSpec } = await import('../../lib/vm/network-spec.js')
    const { name } = this.args
    const { flags, deadline } = this
    const spec = networkSpec({
      name,
      vlanId: flags.vlan,
      virtualSwitch: flags.vswitch,
      description: flags.description,
      subnet: flags.subnet,
      gateway: flags.gateway,
      dhcpServer: flags['dhcp-server'],
      domain: flags.domain,
      nameServers: flags.dns,
      pools: flags.pool,
    })
    const prism = await this.prism()
    if (flags['dry-run']) return this.showPlan([`create the network "${name}" on VLAN ${flags.vlan}`])
    const { uuid } = await prism.createNetwork(spec, { deadline })
    this.say(`Created network ${name}.`)
    const { findNetwork } = await import('../../lib/vm/find.js')
    return this.showOne(networkColumns, await findNetwork({ prism, deadline }, uuid))
  }
}
