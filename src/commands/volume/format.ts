import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeFormat extends VolumeCommand<JsonRecord, typeof VolumeFormat> {
  static override summary = 'Wipe a volume and make a new filesystem on it, whatever was there.'
  static override description =
    'The only command that formats what is not proven empty. Refuses while the volume is attached elsewhere or mounted.'
  static override examples = ['<%= config.bin %> volume format db --i-know']
  static override args = { volume: nameArg('Name or UUID of the volume') }
  static override flags = {
    'i-know': Flags.boolean({ summary: 'Said by someone who knows that all data on it is lost.' }),
    fs: Flags.option({ summary: 'Filesystem.', options: ['ext4', 'xfs', 'btrfs'] as const })(),
    'mkfs-options': Flags.string({ summary: 'Options for mkfs, separated by spaces.' }),
    ...destructiveFlags,
    ...iscsiFlags,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('10m'),
  }

  async run(): Promise<JsonRecord> {
    const { formatVolume } = await import('../../lib/volume/format.js')
    const { findVolume } = await import('../../lib/volume/find.js')
    const { flags } = this
    if (!flags['i-know'] && !flags['dry-run'])
      throw new AcsError('usage', 'EACSUSAGE', 'formatting destroys what is on the volume; say --i-know when you do', {
        hints: ['An ordinary first mount formats a new volume by itself: acs volume mount NAME'],
      })
    const context = await this.volumes()
    const { group } = await findVolume(context, this.args.volume)
    if (!flags['dry-run'])
      await this.prompt.typeBack(group.name, `This destroys all data on volume "${group.name}", for good.`)
    const result = await formatVolume(context, {
      volume: group.uuid,
      filesystem: flags.fs,
      mkfsOptions: flags['mkfs-options'],
      dryRun: flags['dry-run'],
    })
    if (result.planned) return this.showPlan(result.planned)
    return this.tellVolume(context, result.volume, {
      text: `Formatted volume ${group.name} (it was: ${result.was}).`,
      more: { was: result.was },
    })
  }
}
