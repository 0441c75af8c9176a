import { AcsError } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import { printable } from './names.js'
import { optionDefinitions, parseOptions, type OptionDefinition, type RawOptions } from './options.js'
import { profileNames, type OptionsPolicy } from './profiles.js'

/**
 * `-o help`: the options, with what this host's configuration makes of their defaults. An error, as that is the only
 * way for a plugin to print.
 */
export function optionsHelp(policy: OptionsPolicy): AcsError {
  return new AcsError('usage', 'EACSHELP', helpText(policy))
}

function helpText(policy: OptionsPolicy): string {
  const rows = optionDefinitions.map((definition) => {
    const { name, value, summary } = definition
    return [`${name}=${value}`, `${summary}${defaultWords(definition, policy)}${aliasWords(definition)}`] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length))
  const names = profileNames(policy)
  return [
    'options of a new volume, each as -o OPTION, or all in its name: db,size=20G,fs=xfs',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    `Profiles on this host: ${names.map(printable).join(', ') || 'none'}`,
    'Nothing was created.',
  ].join('\n')
}

function aliasWords({ aliases = [] }: OptionDefinition): string {
  return aliases.length === 0 ? '' : `; also ${aliases.join(', ')}`
}

function defaultWords({ name, key, default: ours }: OptionDefinition, policy: OptionsPolicy): string {
  // The size has two spellings and one default.
  if (name === 'sizeMb') return ''
  const enforced = said(policy.enforce, key)
  if (enforced !== undefined) return ` (always ${enforced} here)`
  const text = said(policy.defaults, key) ?? ours
  return text === undefined ? '' : ` (default ${text})`
}

function said(raw: RawOptions | undefined, key: OptionDefinition['key']): string | undefined {
  const value = parseOptions(Object.entries(raw ?? {}), 'the configuration')[key]
  if (value === undefined) return undefined
  return key === 'sizeBytes' ? formatSize(Number(value)) : printable(String(value))
}
