import { mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'
import { vmColumns } from '../../lib/cli/vms.js'

export default class VmAttachVolume extends VolumeCommand<JsonRecord, typeof VmAttachVolume> {
  static override summary = 'Attach a volume to a machine through the hypervisor, as a SCSI disk.'
  static override description =
    'Only a volume that nobody uses: neither another machine nor a host over iSCSI. Nobody else can mount it until it is detached.'
  static override examples = ['<%= config.bin %> vm attach-volume web01 db']
  static override args = { vm: nameArg('Name or UUID of the machine'), volume: nameArg('Name or UUID of the volume') }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const [{ findVm }, { attachToVm, freeVolume }] = await Promise.all([
      import('../../lib/vm/find.js'),
      import('../../lib/volume/for-vm.js'),
    ])
    const volumes = await this.volumes()
    const prism = await this.prism()
    const { deadline } = this
    const vm = await findVm({ prism, deadline }, this.args.vm)
    const volume = await freeVolume(volumes, this.args.volume, vm.uuid)
    const { group } = volume
    if (this.flags['dry-run']) return this.showPlan([`attach volume "${group.name}" to the machine "${vm.name}"`])
    await attachToVm(volumes, volume, vm.uuid, { onTask: this.onTask })
    this.progress.done()
    this.say(`Attached volume ${group.name} to machine ${vm.name}.`)
    return this.showOne(vmColumns, await prism.vm(vm.uuid, { deadline }))
  }
}
