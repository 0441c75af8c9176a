import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import { hostColumns } from '../../lib/cli/hosts.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class HostList extends AcsCommand<JsonRecord[], typeof HostList> {
  static override summary = "List the cluster's hosts (nodes)."
  static override examples = ['<%= config.bin %> host list', '<%= config.bin %> host list --columns name,state']
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    return this.showList(hostColumns, await prism.hosts({ deadline: this.deadline }), 'No hosts.')
  }
}
