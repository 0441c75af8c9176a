import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../../lib/cli/volume-command.js'

export default class VolumeSnapshotRestore extends VolumeCommand<JsonRecord, typeof VolumeSnapshotRestore> {
  static override summary = "Put a snapshot's data in the place of the volume's."
  static override description =
    'Only while the volume is detached. Nothing is overwritten: the state before stays as the snapshot VOLUME@pre-restore-TIME.'
  static override examples = ['<%= config.bin %> volume snapshot restore db@before-upgrade']
  static override args = { snapshot: nameArg('VOLUME@SNAPSHOT or UUID') }
  static override flags = {
    yes: destructiveFlags.yes,
    ...iscsiFlags,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { restoreSnapshot } = await import('../../../lib/volume/restore.js')
    const context = await this.volumes()
    const { snapshot } = this.args
    const plan = await restoreSnapshot(context, { snapshot, dryRun: true })
    if (this.flags['dry-run']) return this.showPlan(plan.planned ?? [])
    await this.prompt.confirm(`Put the data of ${snapshot} in place? The state now is kept as a snapshot.`)
    const { volume, kept } = await restoreSnapshot(context, { snapshot, onTask: this.onTask })
    if (!volume) return this.showPlan(plan.planned ?? [])
    return this.tellVolume(context, volume, {
      text: `Restored volume ${volume.group.name} from ${snapshot}. The state before is ${kept}.`,
      more: { kept },
    })
  }
}
