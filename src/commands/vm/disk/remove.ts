import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmDiskRemove extends VmCommand<JsonRecord, typeof VmDiskRemove> {
  static override summary = 'Take a disk off a machine, with what is on it, for good.'
  static override examples = [
    '<%= config.bin %> vm disk remove db scsi.1',
    '<%= config.bin %> vm disk remove db scsi.1 --confirm db',
  ]
  static override args = {
    vm: nameArg('Name or UUID of the machine'),
    disk: nameArg('Its disk, as acs vm show --columns disks names it: scsi.1'),
  }
  static override flags = { ...destructiveFlags, 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { disk } = this.args
    if (this.flags['dry-run']) return this.showPlan([`remove the disk ${disk} of the machine "${vm.name}"`])
    await this.prompt.typeBack(
      vm.name,
      `This removes the disk ${disk} of machine "${vm.name}" and what is on it, for good.`,
    )
    await prism.removeVmDisk(vm, disk, { deadline, onTask: this.onTask })
    return this.tellVm(vm.uuid, `Removed the disk ${disk} of machine ${vm.name}.`)
  }
}
