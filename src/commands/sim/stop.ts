import { AcsCommand } from '../../lib/cli/base-command.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { simulatorFlags } from '../../lib/cli/simulator.js'

export default class SimStop extends AcsCommand<JsonRecord, typeof SimStop> {
  static override summary = 'Stop the simulator; its state stays. Fine when none runs.'
  static override examples = ['<%= config.bin %> sim stop']
  static override flags = { ...simulatorFlags }

  async run(): Promise<JsonRecord> {
    const { defaultDataFolder } = await import('../../lib/sim/data-folder.js')
    const { stopDaemon } = await import('../../lib/sim/daemon.js')
    const dataFolder = this.flags.data ?? defaultDataFolder()
    this.progress.start('Stopping the simulator')
    const stopped = await stopDaemon(dataFolder, this.deadline)
    this.progress.done()
    this.say(stopped ? `Stopped process ${stopped.pid}.` : `No simulator runs on ${dataFolder}.`)
    return { stopped: stopped !== undefined, pid: stopped?.pid ?? null }
  }
}
