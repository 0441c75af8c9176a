import { mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmNicAdd extends VmCommand<JsonRecord, typeof VmNicAdd> {
  static override summary = 'Give a machine one more network interface.'
  static override examples = [
    '<%= config.bin %> vm nic add web01 storage',
    '<%= config.bin %> vm nic add web01 storage=10.1.2.20',
  ]
  static override args = { vm: nameArg('Name or UUID of the machine'), network: nameArg('Network, or NETWORK=ADDRESS') }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { planNic } = await import('../../../lib/vm/create.js')
    const nic = await planNic(context, this.args.network)
    if (this.flags['dry-run']) return this.showPlan([`add an interface to the machine "${vm.name}"`])
    await prism.addVmNic(vm.uuid, nic, { deadline, onTask: this.onTask })
    return this.tellVm(vm.uuid, `Added an interface to machine ${vm.name}.`)
  }
}
