import { Flags } from '@oclif/core'
import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeDelete extends VolumeCommand<JsonRecord, typeof VolumeDelete> {
  static override summary = 'Delete a volume and its data, for good, or put it in the trash.'
  static override description =
    'Refuses a volume that is attached, protected, has snapshots, or was not made by acs, until that is said.'
  static override examples = [
    '<%= config.bin %> volume delete db',
    '<%= config.bin %> volume delete db --confirm db',
    '<%= config.bin %> volume delete db --dry-run',
    '<%= config.bin %> volume delete db --trash',
  ]
  static override args = { volume: nameArg('Name or UUID of the volume') }
  static override flags = {
    foreign: Flags.boolean({ summary: 'Also one that acs did not make.' }),
    'with-snapshots': Flags.boolean({ summary: 'Its snapshots too.' }),
    trash: Flags.boolean({
      summary: 'Put it in the trash instead, for a week: acs volume undelete takes it out again.',
      exclusive: ['foreign', 'with-snapshots'],
    }),
    ...destructiveFlags,
    ...mutationFlags,
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    return this.flags.trash ? this.trash() : this.delete()
  }

  private async trash(): Promise<JsonRecord> {
    const { trashVolume } = await import('../../lib/volume/trash.js')
    const context = await this.volumes()
    const { volume: before, planned = [] } = await trashVolume(context, { volume: this.args.volume, dryRun: true })
    if (this.flags['dry-run']) return this.showPlan(planned)
    const { name, uuid } = before.group
    const question = `This puts volume "${name}" in the trash.`
    // It can be taken back, so it takes no more than a yes.
    if (this.flags.confirm === undefined) await this.prompt.confirm(`${question} Go on?`)
    else await this.prompt.typeBack(name, question)
    const { volume, until } = await trashVolume(context, { volume: uuid })
    return this.tellVolume(context, volume, {
      text: `Volume ${name} is in the trash until ${until.toISOString()}. Take it out: acs volume undelete ${name}`,
    })
  }

  private async delete(): Promise<JsonRecord> {
    const { checkDelete, deleteVolume } = await import('../../lib/volume/delete.js')
    const { formatSize } = await import('../../lib/base/sizes.js')
    const { sizeOf } = await import('../../lib/volume/volume.js')
    const request = {
      volume: this.args.volume,
      foreign: this.flags.foreign,
      withSnapshots: this.flags['with-snapshots'],
    }
    const context = await this.volumes()
    const checked = await checkDelete(context, request)
    if (this.flags['dry-run']) return this.showPlan(checked.planned ?? [])
    const { name, uuid } = checked.volume.group
    const snapshots = checked.snapshots.length > 0 ? ` and ${checked.snapshots.length} snapshot(s)` : ''
    const size = formatSize(sizeOf(checked.volume.group))
    await this.prompt.typeBack(name, `This deletes volume "${name}" (${size})${snapshots}, for good.`)
    const result = await deleteVolume(context, { ...request, volume: uuid, wait: this.flags.wait, onTask: this.onTask })
    this.progress.done()
    this.say(`Deleted volume ${name}.`)
    if (this.flags.output === 'name') this.print(name)
    else if (!this.flags.wait && result.taskUuid !== undefined) this.print(result.taskUuid)
    return {
      name,
      uuid,
      snapshots: result.snapshots.map((snapshot) => snapshot.group.name),
      taskUuid: result.taskUuid ?? null,
    }
  }
}
