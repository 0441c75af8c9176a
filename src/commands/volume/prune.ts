import { Flags } from '@oclif/core'
import { formatSize } from '../../lib/base/sizes.js'
import { destructiveFlags, durationFlag, mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumePrune extends VolumeCommand<JsonRecord, typeof VolumePrune> {
  static override summary = 'Delete what is in the trash and has had its time, for good.'
  static override description =
    'A volume that has snapshots, is protected or attached stays. What cannot be deleted keeps nothing else from it.'
  static override examples = [
    '<%= config.bin %> volume prune --dry-run',
    '<%= config.bin %> volume prune --older-than 1d --yes',
    '<%= config.bin %> volume prune --all --with-snapshots',
  ]
  static override flags = {
    all: Flags.boolean({ summary: 'Also what has not had its time.', exclusive: ['older-than'] }),
    'older-than': durationFlag({ summary: "What went there longer ago than that, instead of each one's own time." }),
    'with-snapshots': Flags.boolean({ summary: 'Their snapshots too.' }),
    yes: destructiveFlags.yes,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('10m'),
  }

  async run(): Promise<JsonRecord> {
    const [{ pruneTrash }, { sizeOf }] = await Promise.all([
      import('../../lib/volume/prune.js'),
      import('../../lib/volume/volume.js'),
    ])
    const { flags } = this
    const request = { all: flags.all, olderThanMs: flags['older-than'], withSnapshots: flags['with-snapshots'] }
    const context = await this.volumes()
    const due = await pruneTrash(context, { ...request, dryRun: true })
    if (flags['dry-run']) return this.showPlan(due.planned ?? [])
    const { deleted: victims } = due
    const bytes = victims.reduce((sum, { group }) => sum + sizeOf(group), 0)
    const what = `${victims.length} volume${victims.length === 1 ? '' : 's'} (${formatSize(bytes)})`
    if (victims.length > 0) {
      const names = victims.map(({ group }) => group.name).join(', ')
      await this.prompt.confirm(`This deletes ${what} from the trash, for good: ${names}. Go on?`)
    }
    for (const { volume, why } of due.kept) this.warn(`${volume.group.name} stays in the trash: ${why}`)
    const { deleted } = await pruneTrash(context, { ...request, only: victims.map(({ group }) => group.uuid) })
    this.progress.done()
    this.say(deleted.length === 0 ? 'Nothing in the trash has had its time.' : `Deleted ${what} from the trash.`)
    if (flags.output === 'name') this.print(deleted.map(({ group }) => `${group.name}\n`).join(''))
    return {
      deleted: deleted.map(({ group }) => ({ name: group.name, uuid: group.uuid })),
      kept: due.kept.map(({ volume, why }) => ({ name: volume.group.name, uuid: volume.group.uuid, why })),
    }
  }
}
