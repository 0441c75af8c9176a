import { AcsCommand } from '../../lib/cli/base-command.js'
import { containerColumns } from '../../lib/cli/containers.js'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ContainerShow extends AcsCommand<JsonRecord, typeof ContainerShow> {
  static override summary = 'Show a storage container: capacity, use, copies, compression, deduplication.'
  static override examples = ['<%= config.bin %> container show default-container-1367']
  static override args = { container: nameArg('Name or UUID of the storage container') }

  async run(): Promise<JsonRecord> {
    const { findContainer } = await import('../../lib/volume/containers.js')
    const context = { prism: await this.prism(), deadline: this.deadline }
    return this.showOne(containerColumns, await findContainer(context, this.args.container))
  }
}
