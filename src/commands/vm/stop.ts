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
    const { findVms } = await import('../../lib/vm/find.js')
    const context = await this.machines()
    const vms = await findVms(context, [this.args.vm].flat())
    const { force } = this.flags
    const how = force ? 'cut the power of' : 'shut down'
    if (this.flags['dry-run']) return [this.showPlan(vms.map(({ name }) => `${how} the machine "${name}"`))]
    const { stopVm } = await import('../../lib/vm/stop.js')
    if (vms.length > 1) this.progress.start(`Stopping ${vms.length} machines`)
    const onWait = ({ detail }: { detail: string }): void => this.progress.update(detail)
    if (vms.length === 1) this.progress.start('Stopping')
    return this.forEach(
      vms,
      (vm) => stopVm(context, vm, { force, timeoutMs: this.flags.grace, ...(vms.length === 1 ? { onWait } : {}) }),
      { doing: 'be stopped', done: 'Stopped' },
    )
  }
}
