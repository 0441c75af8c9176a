import { Flags } from '@oclif/core'
import { mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeResize extends VolumeCommand<JsonRecord, typeof VolumeResize> {
  static override summary = 'Grow a volume; its filesystem too where it is mounted here, while it is in use.'
  static override examples = ['<%= config.bin %> volume resize db 40G', '<%= config.bin %> volume resize db +10G']
  static override args = {
    volume: nameArg('Name or UUID of the volume'),
    size: nameArg('New size (40G), or what to add (+10G)'),
  }
  static override flags = {
    disk: Flags.integer({ summary: 'Which disk, by index.', helpValue: 'INDEX', min: 0, default: 0 }),
    ...iscsiFlags,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { parseGrowth, resizeVolume } = await import('../../lib/volume/resize.js')
    const { formatSize } = await import('../../lib/base/sizes.js')
    const { volume } = this.args
    const size = parseGrowth(this.args.size)
    const context = await this.volumes()
    const result = await resizeVolume(context, {
      volume,
      size,
      diskIndex: this.flags.disk,
      dryRun: this.flags['dry-run'],
      onTask: this.onTask,
    })
    if (result.planned) return this.showPlan(result.planned)
    const { fromBytes, toBytes, filesystemGrown, remaining } = result
    const filesystem = filesystemGrown ? ', its filesystem too' : ''
    const text = [
      `Volume ${volume} has ${formatSize(toBytes)}${filesystem}.`,
      ...remaining.map((what) => `Left to do: ${what}`),
    ]
    return this.tellVolume(context, result.volume, {
      text: text.join('\n'),
      more: { fromBytes, toBytes, filesystemGrown, remaining },
    })
  }
}
