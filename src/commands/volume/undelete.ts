import { Flags } from '@oclif/core'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeUndelete extends VolumeCommand<JsonRecord, typeof VolumeUndelete> {
  static override summary = 'Take a volume out of the trash.'
  static override examples = [
    '<%= config.bin %> volume undelete db',
    '<%= config.bin %> volume undelete db --as db-from-yesterday',
  ]
  static override args = { name: nameArg('Name it had, its name in the trash, or UUID') }
  static override flags = {
    as: Flags.string({ summary: 'Its new name; default the one it had.', helpValue: 'NAME' }),
    'dry-run': mutationFlags['dry-run'],
  }

  async run(): Promise<JsonRecord> {
    const { undeleteVolume } = await import('../../lib/volume/undelete.js')
    const context = await this.volumes()
    const { volume, name, planned } = await undeleteVolume(context, {
      volume: this.args.name,
      as: this.flags.as,
      dryRun: this.flags['dry-run'],
    })
    if (planned) return this.showPlan(planned)
    return this.tellVolume(context, volume, { text: `Volume ${name} is back. Mount it: acs volume mount ${name}` })
  }
}
