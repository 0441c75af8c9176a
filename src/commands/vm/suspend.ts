import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmSuspend extends VmCommand<JsonRecord[], typeof VmSuspend> {
  static override summary = 'Suspend machines: their memory is kept on the cluster.'
  static override examples = ['<%= config.bin %> vm suspend web01']
  static override args = { vm: vmsArg() }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord[]> {
    const { findVms } = await import('../../lib/vm/find.js')
    const context = await this.machines()
    const vms = await findVms(context, [this.args.vm].flat())
    if (this.flags['dry-run']) return [this.showPlan(vms.map(({ name }) => `suspend the machine "${name}"`))]
    const { prism, deadline } = context
    if (vms.length > 1) this.progress.start(`Suspending ${vms.length} machines`)
    return this.forEach(
      vms,
      async (vm) => {
        if (vm.powerState === 'suspended') return vm
        await prism.setPowerState(vm.uuid, 'suspend', { deadline })
        return prism.vm(vm.uuid, { deadline })
      },
      { doing: 'be suspended', done: 'Suspended' },
    )
  }
}
