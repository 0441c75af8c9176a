import { AcsCommand } from '../../lib/cli/base-command.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { simulatorFlags } from '../../lib/cli/simulator.js'

export default class SimEnv extends AcsCommand<JsonRecord, typeof SimEnv> {
  static override summary = 'Print what a shell needs to use the simulator.'
  static override examples = ['eval "$(<%= config.bin %> sim env)"']
  static override flags = { ...simulatorFlags }

  async run(): Promise<JsonRecord> {
    const { defaultDataFolder } = await import('../../lib/sim/data-folder.js')
    const { notRunning } = await import('../../lib/sim/admin-client.js')
    const { readRunning } = await import('../../lib/sim/folder-claim.js')
    const { exportLines, shellEnvironment } = await import('../../lib/sim/shell-environment.js')
    const dataFolder = this.flags.data ?? defaultDataFolder()
    const running = await readRunning(dataFolder)
    if (running?.endpoint === undefined) throw notRunning(dataFolder)
    const variables = shellEnvironment(running)
    this.print(exportLines(variables))
    return variables
  }
}
