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
    const { findVms } = await import('../../lib/vm/find.js')
    const context = await this.machines()
    const vms = await findVms(context, [this.args.vm].flat())
    const { force } = this.flags
    const how = force ? 'reset' : 'restart'
    if (this.flags['dry-run']) return [this.showPlan(vms.map(({ name }) => `${how} the machine "${name}"`))]
    const { prism, deadline } = context
    if (vms.length > 1) this.progress.start(`Restarting ${vms.length} machines`)
    return this.forEach(
      vms,
      async (vm) => {
        await prism.setPowerState(vm.uuid, force ? 'reset' : 'acpi-reboot', { deadline })
        return prism.vm(vm.uuid, { deadline })
      },
      { doing: 'be restarted', done: force ? 'Reset' : 'Asked to restart:' },
    )
  }
}
