import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmStart extends VmCommand<JsonRecord[], typeof VmStart> {
  static override summary = 'Start machines; one that runs already is fine.'
  static override examples = ['<%= config.bin %> vm start web01', "<%= config.bin %> vm start 'web[01..10]'"]
  static override args = { vm: vmsArg() }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord[]> {
    const request = {
      named: this.args.vm,
      dryRun: this.flags['dry-run'],
      verb: 'start',
      starting: 'Starting',
      doing: 'be started',
      done: 'Started',
    }
    return this.setPower(request, { transition: 'on', end: 'on' })
  }
}
