import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { nameArg, optionalArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { attachFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeMount extends VolumeCommand<JsonRecord, typeof VolumeMount> {
  static override summary = 'Attach a volume to this machine and mount it; a new one is formatted first.'
  static override description =
    'Formats only a volume that acs created and never formatted, and only when several tools find its disk empty. Prints the mount point. Safe to repeat, also after a crash.'
  static override examples = [
    '<%= config.bin %> volume mount db',
    '<%= config.bin %> volume mount db /srv/db --options "noatime nodev"',
  ]
  static override args = {
    volume: nameArg('Name or UUID of the volume'),
    path: optionalArg('Folder to mount it at; default /mnt/acs/NAME'),
  }
  static override flags = {
    path: Flags.string({ summary: 'The same as PATH.', helpValue: 'FOLDER' }),
    'read-only': Flags.boolean({ char: 'r', summary: 'Mount it read-only.' }),
    options: Flags.string({ summary: 'Mount options for this time, separated by spaces.' }),
    ...attachFlags,
  }

  async run(): Promise<JsonRecord> {
    const [{ mountVolume }, { checkOptions }] = await Promise.all([
      import('../../lib/volume/mount.js'),
      import('../../lib/volume/settings.js'),
    ])
    const { flags } = this
    const { volume } = this.args
    const mountPoint = this.placeToMount()
    const chapSecret = await this.chapSecret()
    const options = checkOptions('mount', flags.options)
    const context = await this.volumes()
    if (flags['take-over'] && !flags['dry-run']) await this.confirmTaking(context, volume)
    const result = await mountVolume(context, {
      volume,
      mountPoint,
      readOnly: flags['read-only'] || undefined,
      options: options?.split(/\s+/).filter((option) => option !== ''),
      takeOver: flags['take-over'],
      chapSecret,
      dryRun: flags['dry-run'],
    })
    if (result.planned) return this.showPlan(result.planned)
    const { formatted, changed, devicePath = null } = result
    const how = formatted ? 'Formatted and mounted' : 'Mounted'
    return this.tellVolume(context, result.volume, {
      text: changed ? `${how} volume ${volume} at ${result.mountPoint}.` : undefined,
      data: result.mountPoint,
      more: { mountPoint: result.mountPoint, device: devicePath, formatted, changed },
    })
  }

  /** PATH, as mount(8) takes it, or --path; given twice they must be one place. */
  private placeToMount(): string | undefined {
    const { args, flags } = this
    if (args.path !== undefined && flags.path !== undefined && resolve(args.path) !== resolve(flags.path))
      throw new AcsError(
        'usage',
        'EACSUSAGE',
        `there are two places to mount at: ${args.path}, and with --path ${flags.path}`,
      )
    return args.path ?? flags.path
  }
}
