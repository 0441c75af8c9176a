import { listFlags, optionalArg } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'
import { vmSnapshotColumns } from '../../../lib/cli/vms.js'

export default class VmSnapshotList extends VmCommand<JsonRecord[], typeof VmSnapshotList> {
  static override summary = "List machines' snapshots, of one machine or of all."
  static override examples = ['<%= config.bin %> vm snapshot list', '<%= config.bin %> vm snapshot list web01']
  static override args = { vm: optionalArg('Name or UUID of a machine') }
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const { namedSnapshots } = await import('../../../lib/vm/snapshots.js')
    const rows = await namedSnapshots(await this.machines(), this.args.vm)
    return this.showList(vmSnapshotColumns, rows, 'No snapshots.')
  }
}
