import { Flags } from '@oclif/core'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeDetach extends VolumeCommand<JsonRecord, typeof VolumeDetach> {
  static override summary = 'Detach a volume from this machine, or take access from another.'
  static override examples = [
    '<%= config.bin %> volume detach db',
    '<%= config.bin %> volume detach db --initiator iqn.1993-08.org.debian:01:abcdef',
    '<%= config.bin %> volume detach db --force --yes',
  ]
  static override args = { volume: nameArg('Name or UUID of the volume') }
  static override flags = {
    initiator: Flags.string({ summary: 'Take access from this initiator.', helpValue: 'IQN', exclusive: ['force'] }),
    force: Flags.boolean({ summary: 'Take access from whoever has it: for a machine that is off or gone.' }),
    yes: Flags.boolean({ char: 'y', summary: 'Do not ask for confirmation.' }),
    ...iscsiFlags,
    'dry-run': mutationFlags['dry-run'],
  }

  async run(): Promise<JsonRecord> {
    const { detachVolume, forceDetach } = await import('../../lib/volume/detach.js')
    const { initiator, force } = this.flags
    const { volume } = this.args
    const dryRun = this.flags['dry-run']
    const context = await this.volumes()
    if (force && !dryRun) await this.confirmTaking(context, volume)
    const result =
      force || initiator !== undefined
        ? await forceDetach(context, { volume, initiator, dryRun })
        : await detachVolume(context, { volume, dryRun })
    if (result.planned) return this.showPlan(result.planned)
    const text = result.changed ? `Detached volume ${volume}.` : undefined
    return this.tellVolume(context, result.volume, { text, more: { changed: result.changed } })
  }
}
