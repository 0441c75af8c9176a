import { AcsCommand } from '../../../lib/cli/base-command.js'
import { listFlags } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { faultColumns, simulatorFlags } from '../../../lib/cli/simulator.js'

export default class SimFaultList extends AcsCommand<JsonRecord[], typeof SimFaultList> {
  static override summary = 'List the faults that wait to strike.'
  static override examples = ['<%= config.bin %> sim fault list']
  static override flags = { ...simulatorFlags, ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const { defaultDataFolder } = await import('../../../lib/sim/data-folder.js')
    const { connectAdmin } = await import('../../../lib/sim/admin-client.js')
    const admin = await connectAdmin(this.flags.data ?? defaultDataFolder(), this.deadline)
    return this.showList(faultColumns, await admin.listFaults(), 'No faults.')
  }
}
