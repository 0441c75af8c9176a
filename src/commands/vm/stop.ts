import { Flags } from '@oclif/core'
import { durationFlag, mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmStop extends VmCommand<JsonRecord[], typeof VmStop> {
  static override summary = 'Shut machines down by their guests; --force cuts the power.'
  static override examples = [
    '<%= config.bin %> vm stop web01',
    "<%= config.bin %> vm stop 'web*' --grace 30s",
    '<%= config.bin %> vm stop web01 --force',
  ]
  static override args = { vm: vmsArg() }
  static override flags = {
    force: Flags.boolean({ summary: 'Cut the power: what guests have not written is lost.' }),
    grace: durationFlag({ summary: 'How long a guest may take to shut down.', default: 180_000 }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('10m'),
  }

  async run(): Promise<JsonRecord[]> {
    const { force, grace } = this.flags
    const { stopVm } = await import('../../lib/vm/stop.js')
    const verb = force ? 'cut the power of' : 'shut down'
    const request = {
      named: this.args.vm,
      dryRun: this.flags['dry-run'],
      verb,
      starting: 'Stopping',
      doing: 'be stopped',
      done: 'Stopped',
    }
    return this.forNamed(request, (vm, context, alone) => {
      if (!alone) return stopVm(context, vm, { force, timeoutMs: grace })
      this.progress.start('Stopping')
      return stopVm(context, vm, { force, timeoutMs: grace, onWait: ({ detail }) => this.progress.update(detail) })
    })
  }
}
