import { Flags } from '@oclif/core'
import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmRestart extends VmCommand<JsonRecord[], typeof VmRestart> {
  static override summary = 'Ask the guests of machines to restart; --force resets them.'
  static override examples = ['<%= config.bin %> vm restart web01', '<%= config.bin %> vm restart web01 --force']
  static override args = { vm: vmsArg() }
  static override flags = {
    force: Flags.boolean({ summary: 'Reset, as by the button: what guests have not written is lost.' }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('10m'),
  }

  async run(): Promise<JsonRecord[]> {
    const { force } = this.flags
    const request = {
      named: this.args.vm,
      dryRun: this.flags['dry-run'],
      starting: 'Restarting',
      doing: 'be restarted',
    }
    return force
      ? this.setPower({ ...request, verb: 'reset', done: 'Reset' }, { transition: 'reset' })
      : this.setPower({ ...request, verb: 'restart', done: 'Asked to restart:' }, { transition: 'acpi-reboot' })
  }
}
