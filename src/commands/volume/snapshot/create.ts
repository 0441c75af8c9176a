import { Flags } from '@oclif/core'
import { mutationFlags, nameArg, optionalArg, timeoutFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../../lib/cli/volume-command.js'

export default class VolumeSnapshotCreate extends VolumeCommand<JsonRecord, typeof VolumeSnapshotCreate> {
  static override summary = 'Take a snapshot of a volume.'
  static override description =
    'A filesystem that is mounted on this machine is frozen meanwhile. A snapshot of a volume in use elsewhere is as after a power cut there, and says so.'
  static override examples = [
    '<%= config.bin %> volume snapshot create db',
    '<%= config.bin %> volume snapshot create db before-upgrade',
  ]
  static override args = {
    volume: nameArg('Name or UUID of the volume'),
    name: optionalArg('Name of the snapshot; default the time'),
  }
  static override flags = {
    description: Flags.string({ summary: "Text for people, instead of the volume's." }),
    freeze: Flags.boolean({ summary: 'Freeze it meanwhile, when it is mounted here.', allowNo: true, default: true }),
    ...iscsiFlags,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { createSnapshot } = await import('../../../lib/volume/snapshot.js')
    const context = await this.volumes()
    const { snapshot, planned } = await createSnapshot(context, {
      ...this.args,
      description: this.flags.description,
      freeze: this.flags.freeze,
      dryRun: this.flags['dry-run'],
      onTask: this.onTask,
    })
    if (!snapshot) return this.showPlan(planned ?? [])
    const { name } = snapshot.group
    const how = snapshot.trailer?.snap?.frozen ? ' (frozen meanwhile)' : ''
    return this.tellVolume(context, snapshot, { text: `Took snapshot ${name}${how}.`, data: name })
  }
}
