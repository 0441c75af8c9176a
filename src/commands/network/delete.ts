import { AcsCommand } from '../../lib/cli/base-command.js'
import { destructiveFlags, mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class NetworkDelete extends AcsCommand<JsonRecord, typeof NetworkDelete> {
  static override summary = 'Delete a network that no machine uses.'
  static override examples = [
    '<%= config.bin %> network delete web',
    '<%= config.bin %> network delete web --confirm web',
  ]
  static override args = { network: nameArg('Name or UUID of the network') }
  static override flags = { ...destructiveFlags, 'dry-run': mutationFlags['dry-run'] }

  async run(): Promise<JsonRecord> {
    const { findNetwork } = await import('../../lib/vm/find.js')
    const prism = await this.prism()
    const { deadline } = this
    const network = await findNetwork({ prism, deadline }, this.args.network)
    const { name, uuid } = network
    if (this.flags['dry-run']) return this.showPlan([`delete the network "${name}"`])
    await this.prompt.typeBack(name, `This deletes the network "${name}".`)
    await prism.deleteNetwork(network, { deadline })
    this.say(`Deleted network ${name}.`)
    if (this.flags.output === 'name') this.print(name)
    return { name, uuid }
  }
}
