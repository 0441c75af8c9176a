import { listFlags, optionalArg } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { snapshotColumns, VolumeCommand } from '../../../lib/cli/volume-command.js'

export default class VolumeSnapshotList extends VolumeCommand<JsonRecord[], typeof VolumeSnapshotList> {
  static override summary = 'List snapshots, of one volume or all, oldest first.'
  static override examples = ['<%= config.bin %> volume snapshot list', '<%= config.bin %> volume snapshot list db']
  static override args = { volume: optionalArg('Name or UUID of the volume; default all') }
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const { listSnapshots } = await import('../../../lib/volume/snapshot.js')
    const { listVolumes } = await import('../../../lib/volume/info.js')
    const context = await this.volumes()
    const chosen = await listSnapshots(context, this.args.volume)
    const infos = new Map(
      (await listVolumes(context, { volumes: false, snapshots: true })).map((info) => [info.uuid, info]),
    )
    const rows = chosen.flatMap((snapshot) => infos.get(snapshot.group.uuid) ?? [])
    return this.showList(snapshotColumns, rows, 'No snapshots.')
  }
}
