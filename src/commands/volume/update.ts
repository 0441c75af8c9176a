import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { chapSecretFlag, onRemoveFlag, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeUpdate extends VolumeCommand<JsonRecord, typeof VolumeUpdate> {
  static override summary = 'Change settings of a volume.'
  static override examples = [
    '<%= config.bin %> volume update db --description "Orders, do not delete" --protect',
    '<%= config.bin %> volume update db --mount-options noatime',
    '<%= config.bin %> volume update db --chap',
  ]
  static override args = { volume: nameArg('Name or UUID of the volume') }
  static override flags = {
    description: Flags.string({ summary: 'Text for people.' }),
    protect: Flags.boolean({ summary: 'Refuse to delete it.', allowNo: true }),
    flash: Flags.boolean({ summary: 'Keep it on flash.', allowNo: true }),
    'read-only': Flags.boolean({ summary: 'Mount it read-only, always.', allowNo: true }),
    'on-remove': onRemoveFlag(),
    'mount-options': Flags.string({ summary: 'Options for every mount, separated by spaces; "" for none.' }),
    'mkfs-options': Flags.string({ summary: 'Options for mkfs; before the first mount only.' }),
    owner: Flags.string({ summary: 'Owner of the new filesystem; before the first mount only.', helpValue: 'UID:GID' }),
    mode: Flags.string({ summary: 'Mode of the new filesystem; before the first mount only.', helpValue: 'MODE' }),
    chap: Flags.boolean({ summary: 'Want CHAP, with a new secret that this machine keeps.', allowNo: true }),
    'chap-secret-file': chapSecretFlag,
    adopt: Flags.boolean({ summary: 'Keep what is on its disk: it is never formatted.' }),
    'dry-run': mutationFlags['dry-run'],
  }

  async run(): Promise<JsonRecord> {
    const [{ updateVolume }, { parseOwner }, { newChapSecret, readChapSecretFile }] = await Promise.all([
      import('../../lib/volume/update.js'),
      import('../../lib/volume/settings.js'),
      import('../../lib/volume/chap.js'),
    ])
    const { flags } = this
    const { volume } = this.args
    const { description, mode, adopt } = flags
    // Three states: yes, no, not said.
    const said: Partial<typeof flags> = flags
    const { protect, flash } = said
    const secretFile = flags['chap-secret-file']
    if (secretFile !== undefined && said.chap === false)
      throw new AcsError('usage', 'EACSUSAGE', '--no-chap takes no --chap-secret-file')
    const newSecret =
      secretFile === undefined ? (said.chap ? newChapSecret() : undefined) : await readChapSecretFile(secretFile)
    const context = await this.volumes()
    const result = await updateVolume(context, {
      volume,
      description,
      protect,
      flash,
      mode,
      adopt,
      readOnly: said['read-only'],
      onRemove: flags['on-remove'],
      mountOptions: flags['mount-options'],
      mkfsOptions: flags['mkfs-options'],
      ...(flags.owner === undefined ? {} : parseOwner(flags.owner)),
      chapSecret: said.chap === false ? null : newSecret,
      dryRun: flags['dry-run'],
    })
    if (result.planned && flags['dry-run']) return this.showPlan(result.planned)
    const text = result.changed ? `Changed volume ${volume}.` : `Volume ${volume} is so already.`
    return this.tellVolume(context, result.volume, { text, more: { changed: result.changed } })
  }
}
