import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../../lib/cli/volume-command.js'

export default class VolumeSnapshotDelete extends VolumeCommand<JsonRecord, typeof VolumeSnapshotDelete> {
  static override summary = 'Delete a snapshot, for good.'
  static override examples = ['<%= config.bin %> volume snapshot delete db@before-upgrade']
  static override args = { snapshot: nameArg('VOLUME@SNAPSHOT or UUID') }
  static override flags = {
    ...destructiveFlags,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { deleteSnapshot } = await import('../../../lib/volume/snapshot.js')
    const context = await this.volumes()
    const { snapshot, planned } = await deleteSnapshot(context, { snapshot: this.args.snapshot, dryRun: true })
    if (this.flags['dry-run']) return this.showPlan(planned ?? [])
    const { name, uuid } = snapshot.group
    await this.prompt.typeBack(name, `This deletes snapshot "${name}", for good.`)
    await deleteSnapshot(context, { snapshot: uuid })
    this.progress.done()
    this.say(`Deleted snapshot ${name}.`)
    if (this.flags.output === 'name') this.print(name)
    return { name, uuid }
  }
}
