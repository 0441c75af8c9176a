import { AcsCommand } from '../../../lib/cli/base-command.js'
import { optionalArg } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { simulatorFlags } from '../../../lib/cli/simulator.js'

export default class SimFaultClear extends AcsCommand<JsonRecord, typeof SimFaultClear> {
  static override summary = 'Take back a fault, or all of them.'
  static override examples = ['<%= config.bin %> sim fault clear']
  static override args = { id: optionalArg('ID of the fault; all of them without it') }
  static override flags = { ...simulatorFlags }

  async run(): Promise<JsonRecord> {
    const { defaultDataFolder } = await import('../../../lib/sim/data-folder.js')
    const { connectAdmin } = await import('../../../lib/sim/admin-client.js')
    const admin = await connectAdmin(this.flags.data ?? defaultDataFolder(), this.deadline)
    const cleared = await admin.clearFaults(this.args.id)
    this.say(`${cleared} ${cleared === 1 ? 'fault' : 'faults'} cleared.`)
    return { cleared }
  }
}
