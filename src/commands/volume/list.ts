import { Flags } from '@oclif/core'
import { listFlags } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { trashColumns, VolumeCommand, volumeColumns } from '../../lib/cli/volume-command.js'

export default class VolumeList extends VolumeCommand<JsonRecord[], typeof VolumeList> {
  static override summary = 'List volumes: size, state, who holds each and since when.'
  static override examples = [
    '<%= config.bin %> volume list',
    '<%= config.bin %> volume list --filter state=held --sort since',
    '<%= config.bin %> volume list --all -q',
    '<%= config.bin %> volume list --trash',
  ]
  static override flags = {
    ...listFlags,
    snapshots: Flags.boolean({ summary: 'Only snapshots.', exclusive: ['all'] }),
    all: Flags.boolean({ summary: 'Volumes and snapshots.' }),
    trash: Flags.boolean({ summary: 'Only what is in the trash.', exclusive: ['snapshots', 'all'] }),
  }

  async run(): Promise<JsonRecord[]> {
    const { listVolumes } = await import('../../lib/volume/info.js')
    const { snapshots, all, trash } = this.flags
    const context = await this.volumes()
    if (trash) return this.showList(trashColumns, await listVolumes(context, { trash }), 'The trash is empty.')
    const volumes = await listVolumes(context, { volumes: !snapshots, snapshots: snapshots || all })
    return this.showList(volumeColumns, volumes, 'No volumes.')
  }
}
