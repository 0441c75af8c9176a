import { listFlags } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand } from '../../lib/cli/vm-command.js'
import { vmColumns } from '../../lib/cli/vms.js'

export default class VmList extends VmCommand<JsonRecord[], typeof VmList> {
  static override summary = 'List virtual machines: state, addresses, size.'
  static override examples = [
    '<%= config.bin %> vm list',
    '<%= config.bin %> vm list --filter state=on --sort memoryBytes:desc',
    '<%= config.bin %> vm list --columns name,host,disks',
  ]
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    return this.showList(vmColumns, await prism.vms({ deadline: this.deadline }), 'No machines.')
  }
}
