import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import { networkColumns } from '../../lib/cli/networks.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class NetworkList extends AcsCommand<JsonRecord[], typeof NetworkList> {
  static override summary = "List the cluster's networks: VLAN, subnet, pools, free addresses."
  static override examples = [
    '<%= config.bin %> network list',
    "<%= config.bin %> network list --filter 'freeAddresses<10'",
  ]
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    return this.showList(networkColumns, await prism.networks({ deadline: this.deadline }), 'No networks.')
  }
}
