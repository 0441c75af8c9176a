import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import { networkColumns } from '../../lib/cli/networks.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class NetworkShow extends AcsCommand<JsonRecord, typeof NetworkShow> {
  static override summary = 'Show a network.'
  static override examples = ['<%= config.bin %> network show vlan-10']
  static override args = { network: nameArg('Name or UUID of the network') }

  async run(): Promise<JsonRecord> {
    const { findNetwork } = await import('../../lib/vm/find.js')
    const prism = await this.prism()
    const { deadline } = this
    return this.showOne(networkColumns, await findNetwork({ prism, deadline }, this.args.network))
  }
}
