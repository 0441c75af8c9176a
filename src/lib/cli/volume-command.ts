import { Flags } from '@oclif/core'
import type { Command, Interfaces } from '@oclif/core'
import { formatSize, parseSize } from '../base/sizes.js'
import { defaultStateFolder } from '../host/roots.js'
import type { VolumeContext, VolumeEvent } from '../volume/context.js'
import type { VolumeInfo } from '../volume/info.js'
import { printable } from '../volume/names.js'
import type { Volume } from '../volume/volume.js'
import { AcsCommand } from './base-command.js'
import { mutationFlags } from './flags.js'
import { recordOf, textOf, type Columns, type JsonRecord, type JsonValue } from './output/columns.js'

const size = { numeric: true, parse: parseSize, format: (value: JsonValue) => formatSize(Number(value)) }

/** Columns of a volume, for every command that shows one. */
export const volumeColumns: Columns<VolumeInfo> = [
  { key: 'name', header: 'Name', value: (volume) => volume.name, format: shown },
  { key: 'uuid', header: 'UUID', default: false, value: (volume) => volume.uuid },
  { key: 'sizeBytes', header: 'Size', ...size, value: (volume) => volume.sizeBytes },
  { key: 'containers', header: 'Container', value: (volume) => volume.containers },
  {
    key: 'filesystem',
    header: 'Filesystem',
    format: (value, volume) => (volume.formatted ? textOf(value) : `${textOf(value)} (new)`),
    value: (volume) => volume.filesystem ?? null,
  },
  { key: 'state', header: 'State', value: (volume) => volume.state },
  {
    key: 'holder',
    header: 'Holder',
    format: shown,
    value: (volume) => volume.holder ?? null,
  },
  {
    key: 'since',
    header: 'Since',
    format: shown,
    value: (volume) => volume.since ?? null,
  },
  { key: 'snapshots', header: 'Snapshots', numeric: true, value: (volume) => volume.snapshots },
  {
    key: 'description',
    header: 'Description',
    format: shown,
    value: (volume) => volume.description,
  },
  { key: 'formatted', header: 'Formatted', default: false, value: (volume) => volume.formatted },
  { key: 'protected', header: 'Protected', default: false, value: (volume) => volume.protected },
  { key: 'readOnly', header: 'Read-only', default: false, value: (volume) => volume.readOnly },
  { key: 'flash', header: 'Flash', default: false, value: (volume) => volume.flash },
  { key: 'chap', header: 'CHAP', default: false, value: (volume) => volume.chap },
  { key: 'managed', header: 'Made by acs', default: false, value: (volume) => volume.managed },
  { key: 'hidden', header: 'Hidden from Docker', default: false, value: (volume) => volume.hidden },
  {
    key: 'createdBy',
    header: 'Created by',
    default: false,
    format: shown,
    value: (volume) => volume.createdBy ?? null,
  },
  { key: 'onRemove', header: 'On remove', default: false, value: (volume) => volume.onRemove ?? null },
  { key: 'mountOptions', header: 'Mount options', default: false, value: (volume) => volume.mountOptions ?? null },
  { key: 'mkfsOptions', header: 'mkfs options', default: false, value: (volume) => volume.mkfsOptions ?? null },
  { key: 'owner', header: 'Owner', default: false, value: (volume) => volume.owner ?? null },
  { key: 'mode', header: 'Mode', default: false, value: (volume) => volume.mode ?? null },
  { key: 'initiators', header: 'Initiators', default: false, value: (volume) => volume.initiators },
  { key: 'vmUuids', header: 'Virtual machines', default: false, value: (volume) => volume.vmUuids },
  { key: 'target', header: 'Target', default: false, value: (volume) => volume.target },
  {
    key: 'disks',
    header: 'Disks',
    default: false,
    format: (_value, volume) =>
      volume.disks.map((disk) => `${disk.index}: ${formatSize(disk.sizeBytes)} (${disk.uuid})`).join(', '),
    value: (volume) => volume.disks.map((disk) => ({ ...disk })),
  },
]

/** Columns of a snapshot. */
export const snapshotColumns: Columns<VolumeInfo> = [
  { key: 'name', header: 'Name', value: (volume) => volume.name, format: shown },
  { key: 'uuid', header: 'UUID', default: false, value: (volume) => volume.uuid },
  {
    key: 'volume',
    header: 'Volume',
    format: shown,
    value: (volume) => volume.snapshot?.ofName ?? null,
  },
  { key: 'takenAt', header: 'Taken', value: (volume) => volume.snapshot?.at ?? null },
  { key: 'frozen', header: 'Frozen', value: (volume) => volume.snapshot?.frozen ?? null },
  { key: 'sizeBytes', header: 'Size', ...size, value: (volume) => volume.sizeBytes },
  { key: 'filesystem', header: 'Filesystem', value: (volume) => volume.filesystem ?? null },
  {
    key: 'description',
    header: 'Description',
    format: shown,
    value: (volume) => volume.description,
  },
]

/** Columns of what is in the trash. */
export const trashColumns: Columns<VolumeInfo> = [
  { key: 'name', header: 'Name', value: (volume) => volume.name, format: shown },
  { key: 'uuid', header: 'UUID', default: false, value: (volume) => volume.uuid },
  { key: 'volume', header: 'Volume', format: shown, value: (volume) => volume.trash?.name ?? null },
  { key: 'sizeBytes', header: 'Size', ...size, value: (volume) => volume.sizeBytes },
  { key: 'containers', header: 'Container', value: (volume) => volume.containers },
  { key: 'deletedAt', header: 'Deleted', value: (volume) => volume.trash?.at ?? null },
  { key: 'until', header: 'Kept until', value: (volume) => volume.trash?.until ?? null },
  { key: 'snapshots', header: 'Snapshots', numeric: true, value: (volume) => volume.snapshots },
  {
    key: 'createdBy',
    header: 'Created by',
    default: false,
    format: shown,
    value: (volume) => volume.createdBy ?? null,
  },
  { key: 'description', header: 'Description', format: shown, value: (volume) => volume.description },
]

/** How this machine reaches a volume's disk. */
export const iscsiFlags = {
  'data-services': Flags.string({
    summary: "Data services portal to log in at, instead of the cluster's own.",
    helpValue: 'HOST[:PORT]',
  }),
  using: Flags.option({
    summary: "iSCSI initiator: the kernel's (open-iscsi), or userspace where the kernel has none.",
    env: 'ACS_INITIATOR',
    options: ['auto', 'kernel', 'userspace'] as const,
    default: 'auto',
  })(),
}

export const chapSecretFlag = Flags.string({
  summary: 'File of mode 0600 with the CHAP secret; this machine keeps it.',
  helpValue: 'FILE',
})

/** Of the commands that attach a volume to this machine. */
export const attachFlags = {
  'take-over': Flags.boolean({
    summary: 'Revoke the access of whoever has it first: for a machine that is off or gone.',
  }),
  yes: Flags.boolean({ char: 'y', summary: 'Do not ask before taking over.' }),
  'chap-secret-file': chapSecretFlag,
  ...iscsiFlags,
  'dry-run': mutationFlags['dry-run'],
}

export const onRemoveFlag = Flags.option({
  summary: 'What `docker volume rm` does with it; default what the plugin is told, trash.',
  options: ['delete', 'retain', 'trash'] as const,
})

/** Of these a command has some. */
type KnownFlags = Partial<Interfaces.InferredFlags<typeof attachFlags>>

/** What the commands about volumes share: a context for the volume services, and how a volume is told. */
export abstract class VolumeCommand<Result, C extends typeof Command = typeof Command> extends AcsCommand<Result, C> {
  /** What the services work with: the cluster, this machine, and progress on stderr. */
  protected async volumes(): Promise<VolumeContext> {
    const [prism, host, connection] = [await this.prism(), await this.host(), await this.connection()]
    const { checkpointFromEnvironment } = await import('../volume/checkpoint.js')
    const flags: KnownFlags = this.flags
    const dataServices = flags['data-services'] ?? connection.dataServices
    return {
      prism,
      host,
      stateFolder: defaultStateFolder(),
      deadline: this.deadline,
      initiator: flags.using ?? 'auto',
      report: (event) => this.hear(event),
      checkpoint: checkpointFromEnvironment(),
      ...(dataServices === undefined ? {} : { dataServices }),
    }
  }

  /** What `--chap-secret-file` holds. Throws EACSSECRET, EACSSECRETFILE. */
  protected async chapSecret(): Promise<string | undefined> {
    const { 'chap-secret-file': file }: KnownFlags = this.flags
    if (file === undefined) return undefined
    const { readChapSecretFile } = await import('../volume/chap.js')
    return readChapSecretFile(file)
  }

  /** Asks before a volume is taken from whoever has it, when that is not this machine; says who that is and what is lost. */
  protected async confirmTaking(context: VolumeContext, volume: string): Promise<void> {
    const { whoLoses } = await import('../volume/take-over.js')
    const loser = await whoLoses(context, volume)
    if (loser !== undefined)
      await this.prompt.confirm(`Take volume "${volume}" from ${loser}? What is not written yet there is lost.`)
  }

  /**
   * Ends a mutation: says what happened on stderr, its data on stdout, and returns the volume as the result. Without
   * `text` nothing happened, which the service has noted.
   */
  protected async tellVolume(
    context: VolumeContext,
    volume: Volume,
    outcome: { text: string | undefined; data?: string; more?: JsonRecord },
  ): Promise<JsonRecord> {
    const { describeVolume } = await import('../volume/info.js')
    const info = await describeVolume(context, volume)
    this.progress.done()
    if (outcome.text !== undefined) this.say(outcome.text)
    if (this.flags.output === 'name') this.print(info.name)
    else if (outcome.data !== undefined) this.print(outcome.data)
    const columns = info.trash ? trashColumns : info.snapshot ? snapshotColumns : volumeColumns
    return { ...recordOf(columns, info), ...outcome.more }
  }

  private hear({ kind, message }: VolumeEvent): void {
    const text = message.charAt(0).toUpperCase() + message.slice(1)
    if (kind === 'step') this.progress.start(text)
    else if (kind === 'note') this.say(text)
    else this.warn(text)
  }
}

function shown(value: JsonValue): string {
  return printable(textOf(value).replaceAll('\n', ' '))
}
