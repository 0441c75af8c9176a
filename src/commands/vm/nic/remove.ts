import { mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmNicRemove extends VmCommand<JsonRecord, typeof VmNicRemove> {
  static override summary = 'Take a network interface off a machine.'
  static override examples = ['<%= config.bin %> vm nic remove web01 50:6b:8d:12:34:56']
  static override args = { vm: nameArg('Name or UUID of the machine'), mac: nameArg('Its MAC address') }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { mac } = this.args
    if (this.flags['dry-run']) return this.showPlan([`remove the interface ${mac} of the machine "${vm.name}"`])
    await prism.removeVmNic(vm.uuid, mac, { deadline, onTask: this.onTask })
    return this.tellVm(vm.uuid, `Removed the interface ${mac} of machine ${vm.name}.`)
  }
}
