import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { mutationFlags, nameArg, timeoutFlag, volumeSizeFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { chapSecretFlag, onRemoveFlag, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeCreate extends VolumeCommand<JsonRecord, typeof VolumeCreate> {
  static override summary = 'Create a volume: new, or with the data of another or of a snapshot.'
  static override description =
    'A new volume is formatted at its first mount, once. One made of another or of a snapshot has its data and is never formatted.'
  static override examples = [
    '<%= config.bin %> volume create db --size 20G',
    '<%= config.bin %> volume create db --size 1T --fs xfs --owner 999:999 --on-remove retain',
    '<%= config.bin %> volume create db-test --from-snapshot db@monday',
  ]
  static override args = { name: nameArg('Name of the new volume') }
  static override flags = {
    size: volumeSizeFlag({ char: 's' }),
    container: Flags.string({ char: 'c', summary: 'Storage container, by name or UUID.', env: 'ACS_CONTAINER' }),
    description: Flags.string({ summary: 'Text for people.' }),
    fs: Flags.option({ summary: 'Filesystem.', options: ['ext4', 'xfs', 'btrfs'] as const })(),
    'mkfs-options': Flags.string({ summary: 'Options for mkfs, separated by spaces.' }),
    'mount-options': Flags.string({ summary: 'Options for every mount, separated by spaces.' }),
    owner: Flags.string({ summary: "Owner of the filesystem's root, in numbers.", helpValue: 'UID:GID' }),
    mode: Flags.string({ summary: "Mode of the filesystem's root, octal.", helpValue: 'MODE' }),
    'read-only': Flags.boolean({
      summary: 'Read-only once it has been mounted for the first time: many machines may read it at once.',
    }),
    flash: Flags.boolean({ summary: 'Keep it on flash.' }),
    protect: Flags.boolean({ summary: 'Refuse to delete it.' }),
    'on-remove': onRemoveFlag(),
    chap: Flags.boolean({ summary: 'Want CHAP, with a new secret that this machine keeps.' }),
    'chap-secret-file': chapSecretFlag,
    from: Flags.string({ summary: 'Clone this volume.', helpValue: 'VOLUME', exclusive: ['from-snapshot'] }),
    'from-snapshot': Flags.string({ summary: 'Clone this snapshot.', helpValue: 'VOLUME@SNAPSHOT' }),
    freeze: Flags.boolean({
      summary: "Freeze the source's filesystem meanwhile, when it is mounted here.",
      allowNo: true,
      default: true,
    }),
    'exists-ok': Flags.boolean({ summary: 'A volume of that name that is there already is success.' }),
    ...mutationFlags,
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    return this.flags.from === undefined && this.flags['from-snapshot'] === undefined ? this.createNew() : this.clone()
  }

  private async createNew(): Promise<JsonRecord> {
    const { flags } = this
    if (flags.size === undefined)
      throw new AcsError('usage', 'EACSUSAGE', 'a new volume needs --size', {
        hints: [`For example: acs volume create ${this.args.name} --size 20G`],
      })
    const [{ createVolume }, { parseOwner }, { newChapSecret, readChapSecretFile }] = await Promise.all([
      import('../../lib/volume/create.js'),
      import('../../lib/volume/settings.js'),
      import('../../lib/volume/chap.js'),
    ])
    const secretFile = flags['chap-secret-file']
    const chapSecret =
      secretFile === undefined ? (flags.chap ? newChapSecret() : undefined) : await readChapSecretFile(secretFile)
    const owner = flags.owner === undefined ? {} : parseOwner(flags.owner)
    const { checkVolumeName } = await import('../../lib/volume/names.js')
    checkVolumeName(this.args.name)
    const context = await this.volumes()
    const result = await createVolume(context, {
      name: this.args.name,
      sizeBytes: flags.size,
      container: flags.container ?? (await this.connection()).storageContainer,
      description: flags.description,
      filesystem: flags.fs,
      mkfsOptions: flags['mkfs-options'],
      mountOptions: flags['mount-options'],
      ...owner,
      mode: flags.mode,
      flash: flags.flash || undefined,
      protect: flags.protect,
      readOnly: flags['read-only'],
      onRemove: flags['on-remove'],
      chapSecret,
      existsOk: flags['exists-ok'],
      dryRun: flags['dry-run'],
      wait: flags.wait,
      onTask: this.onTask,
    })
    if (flags['dry-run']) return this.showPlan(result.planned ?? [])
    if (!result.volume) return this.tellTask(result.uuid, result.taskUuid)
    return this.tellVolume(context, result.volume, {
      text: result.created
        ? `Created volume ${this.args.name}. Mount it: acs volume mount ${this.args.name}`
        : undefined,
      more: { created: result.created },
    })
  }

  private async clone(): Promise<JsonRecord> {
    const { flags } = this
    const { cloneVolume } = await import('../../lib/volume/clone.js')
    const context = await this.volumes()
    const result = await cloneVolume(context, {
      source: flags.from ?? flags['from-snapshot'] ?? '',
      name: this.args.name,
      description: flags.description,
      filesystem: flags.fs,
      mountOptions: flags['mount-options'],
      flash: flags.flash || undefined,
      protect: flags.protect,
      readOnly: flags['read-only'] || undefined,
      onRemove: flags['on-remove'],
      sizeBytes: flags.size,
      freeze: flags.freeze,
      existsOk: flags['exists-ok'],
      dryRun: flags['dry-run'],
      onTask: this.onTask,
    })
    if (!result.volume) return this.showPlan(result.planned ?? [])
    return this.tellVolume(context, result.volume, {
      text: `Created volume ${this.args.name}. Mount it: acs volume mount ${this.args.name}`,
      more: { created: result.created },
    })
  }

  private tellTask(uuid: string, taskUuid: string | undefined): JsonRecord {
    this.progress.done()
    if (taskUuid !== undefined) this.print(taskUuid)
    this.say(`The cluster is creating it. Wait for it: acs task wait ${taskUuid ?? ''}`)
    return { uuid, taskUuid: taskUuid ?? null }
  }
}
