import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmSnapshotRestore extends VmCommand<JsonRecord, typeof VmSnapshotRestore> {
  static override summary = 'Make a machine what it was at a snapshot; what came after is lost.'
  static override examples = [
    '<%= config.bin %> vm snapshot restore web01 before-upgrade',
    '<%= config.bin %> vm snapshot restore web01 before-upgrade --confirm web01',
  ]
  static override args = {
    vm: nameArg('Name or UUID of the machine'),
    snapshot: nameArg('Name or UUID of the snapshot'),
  }
  static override flags = { ...destructiveFlags, 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord> {
    const { findSnapshot } = await import('../../../lib/vm/snapshots.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const snapshot = await findSnapshot(context, this.args.vm, this.args.snapshot)
    const { vm, vmUuid, name } = snapshot
    if (this.flags['dry-run']) return this.showPlan([`restore the machine "${vm}" to its snapshot "${name}"`])
    await this.prompt.typeBack(vm, `This takes machine "${vm}" back to snapshot "${name}"; what came after is lost.`)
    await prism.restoreVm(vmUuid, snapshot.uuid, { deadline, onTask: this.onTask })
    return this.tellVm(vmUuid, `Machine ${vm} is what it was at snapshot ${name}.`)
  }
}
