import { closest } from '../base/did-you-mean.js'
import { AcsError, isAcsError } from '../base/errors.js'
import { parseVolumeSize } from '../base/sizes.js'
import type { FilesystemType } from '../host/host.js'
import { isUuid, printable, snapshotGroupName } from './names.js'
import { checkMode, checkOptions } from './settings.js'
import { removePolicies, type RemovePolicy } from './trailer.js'

/** What may be said of a new volume; what was not said is absent. */
export interface VolumeOptions {
  sizeBytes?: number
  /** Storage container, name or UUID. */
  container?: string
  description?: string
  filesystem?: FilesystemType
  /** Separated by spaces. */
  mkfsOptions?: string
  mountOptions?: string
  flash?: boolean
  chap?: boolean
  uid?: number
  gid?: number
  /** Octal. */
  mode?: string
  /** Volume or snapshot whose data it gets. */
  from?: string
  /** `VOLUME@SNAPSHOT`, or a snapshot of `from`. */
  fromSnapshot?: string
  readOnly?: boolean
  onRemove?: RemovePolicy
  profile?: string
}

/** Docker's are strings; a configuration file has numbers and booleans too. */
export type RawOptions = Readonly<Record<string, string | number | boolean>>

/** Size of a volume when nothing says one, as the old Nutanix plugin had it. */
export const defaultSizeBytes = 10 * 1024 ** 3

type OptionKey = keyof VolumeOptions

/** One option as people write it. */
interface Definition<K extends OptionKey> {
  name: string
  /** Other spellings: of peers, whose users come with their compose files. */
  aliases?: readonly string[]
  /** What is to be written behind the `=`. */
  value: string
  summary: string
  /** What counts when nobody says anything. */
  default?: string
  key: K
  read: (text: string) => NonNullable<VolumeOptions[K]>
}

export type OptionDefinition = { [K in OptionKey]-?: Definition<K> }[OptionKey]

/** Every option there is, in the order help shows them. */
export const optionDefinitions: readonly OptionDefinition[] = [
  {
    name: 'size',
    value: 'SIZE',
    summary: 'size: 512M, 20G, 1.5T, in powers of 1024',
    default: '10G',
    key: 'sizeBytes',
    read: (text) => readSize(text),
  },
  {
    name: 'sizeMb',
    value: 'MIB',
    summary: 'size in MiB, as the old Nutanix plugin had it',
    key: 'sizeBytes',
    read: (text) => parseVolumeSize(`${readNumber(text, 64 * 1024 ** 2)}M`),
  },
  {
    name: 'container',
    aliases: ['storageContainer'],
    value: 'NAME',
    summary: 'storage container',
    key: 'container',
    read: (text) => readText(text),
  },
  { name: 'description', value: 'TEXT', summary: 'text for people', key: 'description', read: (text) => text },
  {
    name: 'fs',
    aliases: ['fstype', 'filesystem', 'fileSystemType'],
    value: 'ext4|xfs|btrfs',
    summary: 'filesystem',
    default: 'ext4',
    key: 'filesystem',
    read: (text) => readChoice(text, ['ext4', 'xfs', 'btrfs']),
  },
  {
    name: 'mkfs-options',
    value: 'OPTIONS',
    summary: 'options for mkfs, separated by spaces',
    key: 'mkfsOptions',
    read: (text) => checkOptions('mkfs', text) ?? '',
  },
  {
    name: 'mount-options',
    value: 'OPTIONS',
    summary: 'options for every mount, separated by spaces or commas',
    key: 'mountOptions',
    read: (text) => checkOptions('mount', text.replaceAll(',', ' ')) ?? '',
  },
  {
    name: 'flash',
    aliases: ['flashMode'],
    value: 'true|false',
    summary: 'keep it on flash',
    default: 'false',
    key: 'flash',
    read: (text) => readBoolean(text),
  },
  {
    name: 'chap',
    value: 'true|false',
    summary: 'want CHAP, with a new secret that only this host keeps',
    default: 'false',
    key: 'chap',
    read: (text) => readBoolean(text),
  },
  {
    name: 'uid',
    value: 'NUMBER',
    summary: "owner of the filesystem's root",
    default: '0',
    key: 'uid',
    read: (text) => readNumber(text, 0xffff_fffe),
  },
  {
    name: 'gid',
    value: 'NUMBER',
    summary: "group of the filesystem's root",
    default: '0',
    key: 'gid',
    read: (text) => readNumber(text, 0xffff_fffe),
  },
  {
    name: 'mode',
    value: 'MODE',
    summary: "mode of the filesystem's root, octal",
    default: '0755',
    key: 'mode',
    read: (text) => (checkMode(text) ?? '').padStart(4, '0'),
  },
  {
    name: 'from',
    aliases: ['clone-from'],
    value: 'VOLUME',
    summary: 'a clone of that volume',
    key: 'from',
    read: (text) => readText(text),
  },
  {
    name: 'from-snapshot',
    aliases: ['fromSnap'],
    value: 'VOLUME@SNAPSHOT',
    summary: 'a clone of that snapshot; with from, its name alone will do',
    key: 'fromSnapshot',
    read: (text) => readText(text),
  },
  {
    name: 'read-only',
    aliases: ['ro'],
    value: 'true|false',
    summary: 'after its first mount it is only read, by many hosts at once',
    default: 'false',
    key: 'readOnly',
    read: (text) => readBoolean(text),
  },
  {
    name: 'on-remove',
    value: 'retain|trash|delete',
    summary: 'what docker volume rm does with it',
    default: 'trash',
    key: 'onRemove',
    read: (text) => readChoice(text, removePolicies),
  },
  {
    name: 'profile',
    value: 'NAME',
    summary: 'options under a name, from the configuration of this host',
    key: 'profile',
    read: (text) => readText(text),
  },
]

/** `mkfs-options`, `mkfsOptions`, `MKFS_OPTIONS` are one. */
function plain(key: string): string {
  return key.toLowerCase().replace(/[-_]/g, '')
}

const bySpelling = new Map(
  optionDefinitions.flatMap((definition) =>
    [definition.name, ...(definition.aliases ?? [])].map((spelling) => [plain(spelling), definition] as const),
  ),
)

/** Whether `-o help` is among the options. */
export function asksForHelp(entries: Iterable<readonly [string, unknown]>): boolean {
  return [...entries].some(([key]) => plain(key) === 'help')
}

/**
 * Reads options strictly. One given twice, under whatever names, must say the same both times. Throws EACSDRIVEROPTION
 * (usage) for an unknown one, with all there are and their defaults; for a value that is none; and for contradictions.
 *
 * A size is bytes when it has no unit, as on acs's command line; but plain numbers below 1 MiB are refused: whoever
 * writes `size=20` means something else (Trident takes it for GiB, others for MB), and a volume of 1 MiB is no answer.
 *
 * @param where what to say in errors about where the options are, for instance `defaults in the configuration`.
 */
export function parseOptions(
  entries: Iterable<readonly [string, string | number | boolean]>,
  where?: string,
): VolumeOptions {
  const options: VolumeOptions = {}
  const spelled = new Map<OptionKey, string>()
  const at = where === undefined ? '' : ` (${where})`
  for (const [key, value] of entries) {
    const definition = bySpelling.get(plain(key))
    if (!definition) throw unknownOption(key, at)
    const read = readOption(definition, key, String(value), at)
    const before = options[definition.key]
    if (before !== undefined && before !== read)
      throw badOption(`"${shown(key)}" contradicts "${shown(spelled.get(definition.key) ?? '')}"${at}`, [
        'Give one of them',
      ])
    Object.assign(options, { [definition.key]: read })
    spelled.set(definition.key, key)
  }
  return options
}

function readOption(
  definition: OptionDefinition,
  key: string,
  text: string,
  at: string,
): NonNullable<VolumeOptions[OptionKey]> {
  try {
    return definition.read(text)
  } catch (error) {
    if (!isAcsError(error)) throw error
    throw badOption(
      `"${shown(text)}" cannot be the value of "${shown(key)}"${at}: ${error.message}`,
      [`${definition.name}=${definition.value}: ${definition.summary}`, ...error.hints],
      error,
    )
  }
}

/** The one source that `from` and `from-snapshot` name together. Throws EACSDRIVEROPTION. */
export function sourceOf({ from, fromSnapshot }: VolumeOptions): string | undefined {
  if (fromSnapshot === undefined) return from
  const whole = isUuid(fromSnapshot) || fromSnapshot.includes('@')
  if (from === undefined) {
    if (whole) return fromSnapshot
    throw badOption(`from-snapshot "${shown(fromSnapshot)}" does not say of which volume`, [
      `from-snapshot=VOLUME@${shown(fromSnapshot)}, or from=VOLUME too`,
    ])
  }
  if (!whole) return snapshotGroupName(from, fromSnapshot)
  if (isUuid(fromSnapshot) || fromSnapshot.slice(0, fromSnapshot.lastIndexOf('@')) === from) return fromSnapshot
  throw badOption(`snapshot "${shown(fromSnapshot)}" is not one of volume "${shown(from)}"`, ['Give one of them'])
}

/** `size=10G, sizeMb, container, ...`: all options with their defaults, in one line. */
function optionList(): string {
  return optionDefinitions
    .map(({ name, default: text }) => (text === undefined ? name : `${name} (default ${text})`))
    .join(', ')
}

function unknownOption(key: string, at: string): AcsError {
  const [near] = key.length > 64 ? [] : closest(key, [...optionDefinitions.map(({ name }) => name), 'help'], 1)
  const meant = near === undefined ? '' : `, did you mean "${near}"?`
  return badOption(`there is no option "${shown(key)}"${at}${meant || '.'} There are: ${optionList()}`, [
    'What each does: docker volume create -d PLUGIN -o help',
  ])
}

/** EACSDRIVEROPTION (usage). */
export function badOption(message: string, hints: readonly string[] = [], cause?: unknown): AcsError {
  return new AcsError('usage', 'EACSDRIVEROPTION', message, { hints, ...(cause === undefined ? {} : { cause }) })
}

function shown(text: string): string {
  return printable(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

function readSize(text: string): number {
  if (/^\s*\d+(\.\d+)?\s*$/.test(text) && Number(text) < 1024 ** 2)
    throw badOption('it has no unit', [`For example size=${text.trim()}G`])
  return parseVolumeSize(text)
}

function readText(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') throw badOption('it is empty')
  return trimmed
}

function readNumber(text: string, largest: number): number {
  const number = /^\d{1,10}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(number <= largest)) throw badOption(`it is not a whole number up to ${largest}`)
  return number
}

/** `-o flash` alone arrives as an empty value, and means yes. */
function readBoolean(text: string): boolean {
  const word = text.trim().toLowerCase()
  if (['', 'true', 'yes', 'on', '1', 'enabled'].includes(word)) return true
  if (['false', 'no', 'off', '0', 'disabled'].includes(word)) return false
  throw badOption('it is neither true nor false')
}

function readChoice<T extends string>(text: string, choices: readonly T[]): T {
  const word = text.trim().toLowerCase()
  const choice = choices.find((candidate) => candidate === word)
  if (choice === undefined) throw badOption(`it is none of ${choices.join(', ')}`)
  return choice
}
