import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand, volumeColumns } from '../../lib/cli/volume-command.js'

export default class VolumeShow extends VolumeCommand<JsonRecord, typeof VolumeShow> {
  static override summary = 'Show all there is to know of a volume.'
  static override examples = ['<%= config.bin %> volume show db', '<%= config.bin %> volume show db --json']
  static override args = { volume: nameArg('Name or UUID of the volume') }

  async run(): Promise<JsonRecord> {
    const { showVolume } = await import('../../lib/volume/info.js')
    return this.showOne(volumeColumns, await showVolume(await this.volumes(), this.args.volume))
  }
}
