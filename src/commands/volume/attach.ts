import { Flags } from '@oclif/core'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { attachFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeAttach extends VolumeCommand<JsonRecord, typeof VolumeAttach> {
  static override summary = 'Attach a volume to this machine, or let another initiator in; exclusively.'
  static override description =
    'One atomic change makes this machine the only one that may write. Prints the device. With --initiator nothing happens on this machine.'
  static override examples = [
    '<%= config.bin %> volume attach db',
    '<%= config.bin %> volume attach db --initiator iqn.1993-08.org.debian:01:abcdef --holder web1',
    '<%= config.bin %> volume attach db --take-over --yes',
  ]
  static override args = { volume: nameArg('Name or UUID of the volume') }
  static override flags = {
    initiator: Flags.string({ summary: 'Let this initiator in, instead of this machine.', helpValue: 'IQN' }),
    holder: Flags.string({ summary: 'Name to show as the holder.', helpValue: 'NAME', dependsOn: ['initiator'] }),
    shared: Flags.boolean({
      summary: 'Beside others, without protection against two writers: for cluster filesystems.',
      exclusive: ['take-over'],
    }),
    ...attachFlags,
  }

  async run(): Promise<JsonRecord> {
    const { attachVolume, grantVolume } = await import('../../lib/volume/attach.js')
    const { flags } = this
    const { volume } = this.args
    const chapSecret = await this.chapSecret()
    const context = await this.volumes()
    if (flags['take-over'] && !flags['dry-run']) await this.confirmTaking(context, volume)
    const { initiator, holder } = flags
    const common = { volume, takeOver: flags['take-over'], shared: flags.shared, dryRun: flags['dry-run'] }
    const result =
      initiator === undefined
        ? await attachVolume(context, { ...common, chapSecret })
        : await grantVolume(context, { ...common, initiator, holderName: holder })
    if (result.planned) return this.showPlan(result.planned)
    const who = initiator ?? 'this machine'
    return this.tellVolume(context, result.volume, {
      text: result.changed ? `Attached volume ${volume} to ${who}.` : undefined,
      data: result.disk?.devicePath,
      more: { device: result.disk?.devicePath ?? null, changed: result.changed },
    })
  }
}
