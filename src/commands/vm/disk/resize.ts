import { parseVolumeSize } from '../../../lib/base/sizes.js'
import { mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmDiskResize extends VmCommand<JsonRecord, typeof VmDiskResize> {
  static override summary = 'Grow a disk of a machine; it keeps its data.'
  static override examples = ['<%= config.bin %> vm disk resize db scsi.0 100G']
  static override args = {
    vm: nameArg('Name or UUID of the machine'),
    disk: nameArg('Its disk: scsi.0'),
    size: nameArg('New size: 100G'),
  }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { disk, size } = this.args
    const sizeBytes = parseVolumeSize(size)
    if (this.flags['dry-run']) return this.showPlan([`grow the disk ${disk} of the machine "${vm.name}" to ${size}`])
    await prism.resizeVmDisk(vm, disk, sizeBytes, { deadline, onTask: this.onTask })
    return this.tellVm(
      vm.uuid,
      `Grew the disk ${disk} of machine ${vm.name}. Its guest must grow partition and filesystem itself.`,
    )
  }
}
