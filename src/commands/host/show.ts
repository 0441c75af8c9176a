import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import { hostColumns } from '../../lib/cli/hosts.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { pick } from '../../lib/vm/pick.js'

export default class HostShow extends AcsCommand<JsonRecord, typeof HostShow> {
  static override summary = 'Show a host (node) of the cluster.'
  static override examples = ['<%= config.bin %> host show NTNX-1', '<%= config.bin %> host show 10.0.0.11']
  static override args = { host: nameArg('Name, UUID or hypervisor address of the host') }

  async run(): Promise<JsonRecord> {
    const prism = await this.prism()
    const hosts = await prism.hosts({ deadline: this.deadline })
    const { host } = this.args
    const byAddress = hosts.find(({ hypervisorAddress }) => hypervisorAddress === host)
    return this.showOne(hostColumns, byAddress ?? pick({ what: 'host', listCommand: 'acs host list' }, hosts, host))
  }
}
