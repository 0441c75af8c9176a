import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmSnapshotDelete extends VmCommand<JsonRecord, typeof VmSnapshotDelete> {
  static override summary = "Delete a machine's snapshot."
  static override examples = ['<%= config.bin %> vm snapshot delete web01 before-upgrade --confirm before-upgrade']
  static override args = {
    vm: nameArg('Name or UUID of the machine'),
    snapshot: nameArg('Name or UUID of the snapshot'),
  }
  static override flags = { ...destructiveFlags, 'dry-run': mutationFlags['dry-run'], timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const { findSnapshot } = await import('../../../lib/vm/snapshots.js')
    const context = await this.machines()
    const snapshot = await findSnapshot(context, this.args.vm, this.args.snapshot)
    const { name, uuid, vm } = snapshot
    if (this.flags['dry-run']) return this.showPlan([`delete the snapshot "${name}" of the machine "${vm}"`])
    await this.prompt.typeBack(name, `This deletes the snapshot "${name}" of machine "${vm}", for good.`)
    const { prism, deadline } = context
    await prism.deleteVmSnapshot(snapshot, { deadline, onTask: this.onTask })
    this.progress.done()
    this.say(`Deleted snapshot ${name} of machine ${vm}.`)
    if (this.flags.output === 'name') this.print(name)
    return { name, uuid, vm }
  }
}
