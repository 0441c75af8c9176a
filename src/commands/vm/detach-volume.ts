import { mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'
import { vmColumns } from '../../lib/cli/vms.js'

export default class VmDetachVolume extends VolumeCommand<JsonRecord, typeof VmDetachVolume> {
  static override summary = 'Detach a volume that is attached to a machine through the hypervisor.'
  static override description = 'Unmount it in the guest first: the disk goes at once.'
  static override examples = ['<%= config.bin %> vm detach-volume web01 db']
  static override args = { vm: nameArg('Name or UUID of the machine'), volume: nameArg('Name or UUID of the volume') }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const [{ findVm }, { findVolume }] = await Promise.all([
      import('../../lib/vm/find.js'),
      import('../../lib/volume/find.js'),
    ])
    const volumes = await this.volumes()
    const prism = await this.prism()
    const { deadline } = this
    const vm = await findVm({ prism, deadline }, this.args.vm)
    const { group } = await findVolume(volumes, this.args.volume)
    if (this.flags['dry-run']) return this.showPlan([`detach volume "${group.name}" from the machine "${vm.name}"`])
    await prism.detachFromVm(group.uuid, vm.uuid, { deadline, onTask: this.onTask })
    this.progress.done()
    this.say(`Detached volume ${group.name} from machine ${vm.name}.`)
    return this.showOne(vmColumns, await prism.vm(vm.uuid, { deadline }))
  }
}
