import { Args, Flags } from '@oclif/core'
import { AcsError } from '../base/errors.js'
import { parseSize, parseVolumeSize } from '../base/sizes.js'
import { formatDuration, parseDuration } from '../base/durations.js'

export const outputFormats = ['table', 'json', 'yaml', 'name'] as const

/** A duration in ms, `30s`, `2m`, `1h30m`; the range is part of its help. */
export const durationFlag = Flags.custom<number, { minimumMs?: number; maximumMs?: number }>({
  helpValue: 'DURATION',
  defaultHelp: ({ options }) => Promise.resolve(defaultDuration(options.default)),
  parse: (input, _context, options) => {
    const ms = parseDuration(input)
    const { minimumMs = 0, maximumMs = Infinity } = options
    if (ms < minimumMs || ms > maximumMs)
      throw new AcsError('usage', 'EACSDURATION', `"${input}" is out of range for --${options.name}`)
    return Promise.resolve(ms)
  },
})

/** `--timeout` with the command's own default; goes into `static flags` of a command that needs longer than two minutes. */
export function timeoutFlag(defaultText: string) {
  return durationFlag({
    summary: `Longest time for the whole command (30s, 2m, 1h30m; 0: no limit).`,
    helpGroup: 'GLOBAL',
    env: 'ACS_TIMEOUT',
    default: parseDuration(defaultText),
  })
}

function defaultDuration(value: unknown): string | undefined {
  return typeof value === 'number' ? formatDuration(value) : undefined
}

/** A size of a volume in bytes: 1M to 64T. */
export const volumeSizeFlag = Flags.custom<number>({
  helpValue: 'SIZE',
  summary: 'Size, 1M to 64T, in powers of 1024 (512M, 20G, 1.5T).',
  parse: (input) => Promise.resolve(parseVolumeSize(input)),
})

/** Any size in bytes. */
export const sizeFlag = Flags.custom<number>({
  helpValue: 'SIZE',
  parse: (input) => Promise.resolve(parseSize(input)),
})

/** The cluster to talk to and who we are there. */
export const connectionFlags = {
  context: Flags.string({
    summary: 'Context to use instead of the current one.',
    helpGroup: 'CONNECTION',
    helpValue: 'NAME',
    env: 'ACS_CONTEXT',
  }),
  endpoint: Flags.string({
    summary: 'Prism Element, HOST or HOST:PORT (9440).',
    helpGroup: 'CONNECTION',
    helpValue: 'HOST[:PORT]',
  }),
  username: Flags.string({ summary: 'User on the cluster.', helpGroup: 'CONNECTION', helpValue: 'USER' }),
  'password-file': Flags.string({
    summary: 'File of mode 0600 with the password in its first line.',
    helpGroup: 'CONNECTION',
    helpValue: 'FILE',
    exclusive: ['password-stdin'],
  }),
  'password-stdin': Flags.boolean({
    summary: 'Read the password from standard input.',
    helpGroup: 'CONNECTION',
  }),
  'ca-file': Flags.string({
    summary: "Certificate authority (PEM) that signed the cluster's certificate.",
    helpGroup: 'CONNECTION',
    helpValue: 'FILE',
  }),
  fingerprint: Flags.string({
    summary: "SHA-256 fingerprint the cluster's certificate must have.",
    helpGroup: 'CONNECTION',
    helpValue: 'SHA256',
  }),
}

export const globalFlags = {
  output: Flags.option({
    char: 'o',
    summary: 'How to print the result; --json is short for -o json.',
    helpGroup: 'GLOBAL',
    env: 'ACS_OUTPUT',
    options: outputFormats,
    default: 'table',
  })(),
  timeout: timeoutFlag('2m'),
  'no-input': Flags.boolean({
    summary: 'Never ask; fail and name the flag that answers instead.',
    helpGroup: 'GLOBAL',
    env: 'ACS_NO_INPUT',
  }),
  debug: Flags.boolean({
    summary: 'Log what is done to standard error, secrets left out.',
    helpGroup: 'GLOBAL',
    env: 'ACS_DEBUG',
  }),
  'no-color': Flags.boolean({ summary: 'No colours (NO_COLOR does the same).', helpGroup: 'GLOBAL' }),
}

/** Every list command spreads these; `showList` reads them. */
export const listFlags = {
  columns: Flags.string({
    summary: 'Columns to show, separated by commas; "all" for every one.',
    helpGroup: 'LIST',
    helpValue: 'KEY,...',
  }),
  sort: Flags.string({
    summary: 'Order, KEY or KEY:desc, separated by commas.',
    helpGroup: 'LIST',
    helpValue: 'KEY[:desc],...',
  }),
  filter: Flags.string({
    summary: 'Only rows that match (see acs help formatting); repeat for more conditions.',
    helpGroup: 'LIST',
    helpValue: 'CONDITION',
    multiple: true,
    multipleNonGreedy: true,
  }),
  limit: Flags.integer({ summary: 'At most so many rows, after sorting.', helpGroup: 'LIST', helpValue: 'N', min: 0 }),
  quiet: Flags.boolean({ char: 'q', summary: 'Names only, as -o name.', helpGroup: 'LIST' }),
}

/** Every command that changes something spreads these. */
export const mutationFlags = {
  'dry-run': Flags.boolean({ summary: 'Print what would be done, and do nothing.' }),
  wait: Flags.boolean({
    summary: "Wait until the cluster's tasks are done; --no-wait prints the task instead.",
    allowNo: true,
    default: true,
  }),
}

/** Every command that destroys something spreads these; `prompt` reads them. */
export const destructiveFlags = {
  yes: Flags.boolean({ char: 'y', summary: 'Do not ask for confirmation.' }),
  confirm: Flags.string({ summary: 'The name of what is to be destroyed, instead of typing it.', helpValue: 'NAME' }),
}

/** A required positional NAME (or what `name` says). oclif would read a missing one from stdin; ours never does. */
export function nameArg(description: string) {
  return Args.string({ description, required: true, ignoreStdin: true })
}

/** As `nameArg`, optional. */
export function optionalArg(description: string) {
  return Args.string({ description, ignoreStdin: true })
}
