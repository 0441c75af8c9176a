import { AcsError } from '../base/errors.js'
import { closest } from '../base/did-you-mean.js'

/** What is known of the command whose command line was wrong. */
export interface UsageContext {
  /** As typed: `volume create`. */
  command?: string
  flags?: Readonly<Record<string, { char?: string; aliases?: string[]; hidden?: boolean; allowNo?: boolean }>>
}

/**
 * The usage error behind an error of oclif's parser, or undefined when it is none. oclif's own errors carry the whole argv
 * and configuration, secrets included, so that nothing but known fields is taken, and of an unknown flag only its name.
 */
export function usageErrorFrom(error: Error, context: UsageContext = {}): AcsError | undefined {
  const unwrapped = unwrapFlagError(error, context)
  if (unwrapped) return unwrapped
  if (!('oclif' in error)) return undefined
  if ('flags' in error && isStringList(error.flags)) return unknownFlags(error.flags, context)
  if ('args' in error && isStringList(error.args)) return unexpectedArguments(error.args, context)
  if ('args' in error && isNamedList(error.args))
    return usage('EACSMISSING', `Missing ${error.args.map((arg) => arg.name.toUpperCase()).join(' and ')}`, context)
  return plainUsage(error.message, context)
}

/**
 * An unknown command, with the nearest ones. `following` are the words after the first that made no sense: they may be
 * the rest of its name (`volmue list`). `known` are commands as typed, `volume list`.
 */
export function unknownCommand(
  typed: readonly string[],
  following: readonly string[],
  known: readonly string[],
): AcsError {
  if (typed.length === 0)
    return new AcsError('usage', 'EACSCOMMANDUNKNOWN', 'A command comes first, its flags after it', {
      hints: ['acs COMMAND [FLAGS]', 'acs help'],
    })
  const words = [...typed, ...following.filter((word) => !word.startsWith('-'))]
  const names = new Set(known.flatMap((command) => [command, ...beginningsOf(command)]))
  let near: string[] = []
  for (let count = words.length; count >= typed.length && near.length === 0; count -= 1)
    near = closest(words.slice(0, count).join(' '), names)
  return new AcsError('usage', 'EACSCOMMANDUNKNOWN', `There is no command "${typed.join(' ')}"`, {
    hints: [...near.map((command) => `Did you mean acs ${command}?`), 'acs help'],
  })
}

function beginningsOf(command: string): string[] {
  const words = command.split(' ')
  return words.slice(1).map((_, index) => words.slice(0, index + 1).join(' '))
}

/** oclif wraps what a flag's own parser throws into `Parsing --size \n\t...\nSee more help`; this takes it out again. */
function unwrapFlagError(error: Error, context: UsageContext): AcsError | undefined {
  const match = /^Parsing --(\S+) \n\t([\s\S]*?)\nSee more help with --help$/.exec(error.message)
  if (!match) return undefined
  const [, flag = '', text = ''] = match
  if (error instanceof AcsError)
    return new AcsError(error.kind, error.code, `--${flag}: ${text}`, { hints: error.hints, details: error.details })
  return usage('EACSFLAGVALUE', `--${flag}: ${text}`, context)
}

function unknownFlags(given: readonly string[], context: UsageContext): AcsError {
  // What follows "=" may be a secret.
  const names = given.map((flag) => flag.replace(/=.*$/s, ''))
  const known = Object.entries(context.flags ?? {}).flatMap(([name, flag]) =>
    flag.hidden
      ? []
      : [`--${name}`, ...(flag.allowNo ? [`--no-${name}`] : []), ...(flag.char ? [`-${flag.char}`] : [])],
  )
  const near = names.flatMap((name) => (name.startsWith('--') ? closest(name, known, 2) : []))
  const secret = names.some((name) => /^--?(password|passwd|pass|secret|token)$/.test(name))
  return usage('EACSFLAG', `Unknown flag ${names.join(', ')}`, context, [
    ...(secret
      ? [
          'Secrets do not go into arguments, where every user of this machine can read them: --password-stdin or --password-file FILE',
        ]
      : near.length > 0
        ? [`Did you mean ${near.join(' or ')}?`]
        : []),
  ])
}

function unexpectedArguments(given: readonly string[], context: UsageContext): AcsError {
  const many = given.length > 1 ? 's' : ''
  return usage('EACSARGUMENT', `Unexpected argument${many} ${given.map((text) => `"${text}"`).join(', ')}`, context)
}

/** The rest of oclif's errors are a sentence; two of them list the valid values. */
function plainUsage(text: string, context: UsageContext): AcsError {
  const message = text.replace(/\nSee more help with --help$/, '')
  const option = /^Expected (?:--(\S+?)=)?(.*) to be one of: (.*)$/s.exec(message)
  if (option) {
    const [, flag, value = '', list = ''] = option
    const near = closest(value, list.split(', '), 1)
    return usage('EACSFLAGVALUE', `${flag ? `--${flag}` : 'The argument'} cannot be "${value}"`, context, [
      ...(near[0] === undefined ? [] : [`Did you mean ${near[0]}?`]),
      `One of: ${list}`,
    ])
  }
  const reasons = /^The following errors? occurred:\s+(.*)$/s.exec(message)
  const missing = /^Missing required flag (\S+)$/.exec(reasons?.[1] ?? '')
  if (missing) return usage('EACSMISSING', `Missing --${missing[1] ?? ''}`, context)
  // eslint-disable-next-line no-control-regex -- oclif dims its reasons even in an error's message
  return usage('EACSUSAGE', (reasons?.[1] ?? message).replace(/\u001B\[\d+m/g, '').replace(/\n\s*/g, '; '), context)
}

function usage(code: string, message: string, context: UsageContext, hints: readonly string[] = []): AcsError {
  return new AcsError('usage', code, message, {
    hints: [...hints, `acs${context.command ? ` ${context.command}` : ''} --help`],
  })
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
}

function isNamedList(value: unknown): value is { name: string }[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (item: unknown) => typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string',
    )
  )
}
