import { nameArg } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { snapshotColumns, VolumeCommand } from '../../../lib/cli/volume-command.js'

export default class VolumeSnapshotShow extends VolumeCommand<JsonRecord, typeof VolumeSnapshotShow> {
  static override summary = 'Show a snapshot.'
  static override examples = ['<%= config.bin %> volume snapshot show db@before-upgrade']
  static override args = { snapshot: nameArg('VOLUME@SNAPSHOT or UUID') }

  async run(): Promise<JsonRecord> {
    const { findSnapshot } = await import('../../../lib/volume/find.js')
    const { describeVolume } = await import('../../../lib/volume/info.js')
    const context = await this.volumes()
    return this.showOne(snapshotColumns, await describeVolume(context, await findSnapshot(context, this.args.snapshot)))
  }
}
