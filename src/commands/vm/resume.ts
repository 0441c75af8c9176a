import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmResume extends VmCommand<JsonRecord[], typeof VmResume> {
  static override summary = 'Let suspended or paused machines go on.'
  static override examples = ['<%= config.bin %> vm resume web01']
  static override args = { vm: vmsArg() }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord[]> {
    const { findVms } = await import('../../lib/vm/find.js')
    const context = await this.machines()
    const vms = await findVms(context, [this.args.vm].flat())
    if (this.flags['dry-run']) return [this.showPlan(vms.map(({ name }) => `resume the machine "${name}"`))]
    const { prism, deadline } = context
    if (vms.length > 1) this.progress.start(`Resuming ${vms.length} machines`)
    return this.forEach(
      vms,
      async (vm) => {
        if (vm.powerState === 'on') return vm
        await prism.setPowerState(vm.uuid, 'resume', { deadline })
        return prism.vm(vm.uuid, { deadline })
      },
      { doing: 'be resumed', done: 'Resumed' },
    )
  }
}
