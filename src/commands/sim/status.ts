import { AcsCommand } from '../../lib/cli/base-command.js'
import type { Columns, JsonRecord } from '../../lib/cli/output/columns.js'
import { runningColumns, simulatorFlags } from '../../lib/cli/simulator.js'
import type { RunningSimulator } from '../../lib/sim/folder-claim.js'
import type { SimulatorState } from '../../lib/sim/simulator.js'

const columns: Columns<RunningSimulator & { state: SimulatorState }> = [
  ...runningColumns,
  { key: 'volumeGroups', header: 'Volume groups', value: ({ state }) => state.volumeGroups },
  { key: 'vms', header: 'Machines', value: ({ state }) => state.vms },
  { key: 'images', header: 'Images', value: ({ state }) => state.images },
  { key: 'networks', header: 'Networks', value: ({ state }) => state.networks },
  { key: 'disks', header: 'Disks', value: ({ state }) => state.disks },
  { key: 'runningTasks', header: 'Running tasks', value: ({ state }) => state.tasks.queued + state.tasks.running },
  { key: 'iscsiSessions', header: 'iSCSI sessions', value: ({ state }) => state.iscsiSessions },
  { key: 'restSessions', header: 'REST sessions', value: ({ state }) => state.sessions },
  { key: 'logins', header: 'Logins', value: ({ state }) => state.logins },
  { key: 'failedLogins', header: 'Failed logins', value: ({ state }) => state.failedLogins },
  { key: 'faults', header: 'Faults', value: ({ state }) => state.faults },
]

export default class SimStatus extends AcsCommand<JsonRecord, typeof SimStatus> {
  static override summary = 'Show whether the simulator runs, and what it holds; exit code 3 when it does not.'
  static override examples = ['<%= config.bin %> sim status']
  static override flags = { ...simulatorFlags }

  async run(): Promise<JsonRecord> {
    const { defaultDataFolder } = await import('../../lib/sim/data-folder.js')
    const { connectAdmin } = await import('../../lib/sim/admin-client.js')
    const admin = await connectAdmin(this.flags.data ?? defaultDataFolder(), this.deadline)
    return this.showOne(columns, { ...admin.running, state: await admin.state() })
  }
}
