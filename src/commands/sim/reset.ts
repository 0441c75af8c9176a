import { AcsCommand } from '../../lib/cli/base-command.js'
import { destructiveFlags } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { simulatorFlags } from '../../lib/cli/simulator.js'

export default class SimReset extends AcsCommand<JsonRecord, typeof SimReset> {
  static override summary = 'Forget the simulated cluster: its volume groups, disks, password and certificate.'
  static override examples = ['<%= config.bin %> sim stop && <%= config.bin %> sim reset --yes']
  static override flags = { ...simulatorFlags, ...destructiveFlags }

  async run(): Promise<JsonRecord> {
    const { defaultDataFolder, forgetCluster } = await import('../../lib/sim/data-folder.js')
    const { claimFree } = await import('../../lib/sim/folder-claim.js')
    const dataFolder = this.flags.data ?? defaultDataFolder()
    await claimFree(dataFolder)
    await this.prompt.confirm(`Remove the simulated cluster in ${dataFolder} with all its disks?`)
    const removed = await forgetCluster(dataFolder)
    this.say(removed ? `Removed the cluster in ${dataFolder}.` : `There is no cluster in ${dataFolder}.`)
    return { removed, dataFolder }
  }
}
