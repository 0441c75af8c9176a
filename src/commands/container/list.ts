import { AcsCommand } from '../../lib/cli/base-command.js'
import { containerColumns } from '../../lib/cli/containers.js'
import { listFlags } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ContainerList extends AcsCommand<JsonRecord[], typeof ContainerList> {
  static override summary = 'List storage containers.'
  static override examples = [
    '<%= config.bin %> container list',
    "<%= config.bin %> container list --filter 'capacityBytes>1T' --sort usedBytes:desc",
  ]
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    const containers = await prism.storageContainers({ deadline: this.deadline })
    return this.showList(containerColumns, containers, 'No storage containers.')
  }
}
