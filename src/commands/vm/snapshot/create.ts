import { mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'
import { vmSnapshotColumns } from '../../../lib/cli/vms.js'

export default class VmSnapshotCreate extends VmCommand<JsonRecord, typeof VmSnapshotCreate> {
  static override summary = "Take a snapshot of a machine's disks and settings."
  static override description =
    'Of a machine that runs it is as if its power had been cut. Attached volumes are not in it.'
  static override examples = ['<%= config.bin %> vm snapshot create web01 before-upgrade']
  static override args = { vm: nameArg('Name or UUID of the machine'), name: nameArg('Name of the snapshot') }
  static override flags = { 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const [{ findVm }, { findSnapshot }] = await Promise.all([
      import('../../../lib/vm/find.js'),
      import('../../../lib/vm/snapshots.js'),
    ])
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { name } = this.args
    if (this.flags['dry-run']) return this.showPlan([`take the snapshot "${name}" of the machine "${vm.name}"`])
    const { uuid } = await prism.createVmSnapshot(vm.uuid, name, { deadline, onTask: this.onTask })
    this.progress.done()
    this.say(`Took snapshot ${name} of machine ${vm.name}.`)
    return this.showOne(vmSnapshotColumns, await findSnapshot(context, vm.uuid, uuid))
  }
}
