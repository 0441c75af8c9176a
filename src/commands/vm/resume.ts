import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmResume extends VmCommand<JsonRecord[], typeof VmResume> {
  static override summary = 'Let suspended or paused machines go on.'
  static override examples = ['<%= config.bin %> vm resume web01']
  static override args = { vm: vmsArg() }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord[]> {
    const request = {
      named: this.args.vm,
      dryRun: this.flags['dry-run'],
      verb: 'resume',
      starting: 'Resuming',
      doing: 'be resumed',
      done: 'Resumed',
    }
    return this.setPower(request, { transition: 'resume', end: 'on' })
  }
}
