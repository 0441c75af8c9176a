import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmSuspend extends VmCommand<JsonRecord[], typeof VmSuspend> {
  static override summary = 'Suspend machines: their memory is kept on the cluster.'
  static override examples = ['<%= config.bin %> vm suspend web01']
  static override args = { vm: vmsArg() }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord[]> {
    const request = {
      named: this.args.vm,
      dryRun: this.flags['dry-run'],
      verb: 'suspend',
      starting: 'Suspending',
      doing: 'be suspended',
      done: 'Suspended',
    }
    return this.setPower(request, { transition: 'suspend', end: 'suspended' })
  }
}
