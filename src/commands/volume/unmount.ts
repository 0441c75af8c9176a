import { Flags } from '@oclif/core'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeUnmount extends VolumeCommand<JsonRecord, typeof VolumeUnmount> {
  static override summary = 'Unmount a volume and detach it from this machine.'
  static override examples = [
    '<%= config.bin %> volume unmount db',
    '<%= config.bin %> volume unmount db --keep-attached',
  ]
  static override args = { volume: nameArg('Name or UUID of the volume') }
  static override flags = {
    path: Flags.string({ summary: 'The mount point it must be mounted at.', helpValue: 'FOLDER' }),
    all: Flags.boolean({ summary: 'All its mount points, when there are several.' }),
    'keep-attached': Flags.boolean({ summary: 'Leave it attached to this machine.' }),
    ...iscsiFlags,
    'dry-run': mutationFlags['dry-run'],
  }

  async run(): Promise<JsonRecord> {
    const { unmountVolume } = await import('../../lib/volume/unmount.js')
    const { flags } = this
    const { volume } = this.args
    const context = await this.volumes()
    const result = await unmountVolume(context, {
      volume,
      mountPoint: flags.path,
      all: flags.all,
      keepAttached: flags['keep-attached'],
      dryRun: flags['dry-run'],
    })
    if (result.planned) return this.showPlan(result.planned)
    const where = result.mountPoints.length > 0 ? ` from ${result.mountPoints.join(' and ')}` : ''
    const how = flags['keep-attached'] ? 'Unmounted' : 'Unmounted and detached'
    return this.tellVolume(context, result.volume, {
      text: result.changed ? `${how} volume ${volume}${where}.` : undefined,
      more: { mountPoints: result.mountPoints, changed: result.changed },
    })
  }
}
