import { AcsError } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import { badOption, optionDefinitions, parseOptions, type RawOptions, type VolumeOptions } from './options.js'
import { printable } from './names.js'

/** What an administrator says about the options of new volumes; the shape of the plugin's configuration. */
export interface OptionsPolicy {
  /** Where nothing else is said. `profile` names the one that counts for volumes without. */
  defaults?: RawOptions
  /** What every new volume has, whatever is asked for. */
  enforce?: RawOptions
  /** The same for volumes of a profile; its defaults go before the ones above. */
  profiles?: Readonly<Record<string, { defaults?: RawOptions; enforce?: RawOptions }>>
}

export interface ResolvedOptions {
  /** Everything that was said, by whomever. */
  options: VolumeOptions
  /** What the user said. */
  asked: VolumeOptions
  /** What the user may not say otherwise. */
  enforced: VolumeOptions
}

/**
 * The options that count: defaults, under those of the profile, under the user's, under what is enforced.
 *
 * Throws EACSENFORCED (usage) where the user asks for another value than an enforced one, EACSPROFILE (usage) for a
 * profile that there is not, EACSDRIVEROPTION (usage) for a mistake in the configuration, which it then names.
 */
export function resolveOptions(asked: VolumeOptions, policy: OptionsPolicy): ResolvedOptions {
  const defaults = read(policy.defaults, 'defaults in the configuration')
  const everywhere = read(policy.enforce, 'enforce in the configuration')
  refuseOther(asked, { profile: everywhere.profile }, '"enforce"')
  const name = everywhere.profile ?? asked.profile ?? defaults.profile
  const profile = name === undefined ? { defaults: {}, enforce: {} } : profileOf(name, policy)

  refuseOther(profile.enforce, everywhere, '"enforce", which goes before profiles')
  refuseOther(asked, everywhere, '"enforce"')
  refuseOther(asked, profile.enforce, `"enforce" of profile "${printable(name ?? '')}"`)
  const enforced = over(profile.enforce, everywhere)
  return {
    options: [profile.defaults, asked, enforced].reduce(over, defaults),
    asked,
    enforced,
  }
}

/** Names of the profiles there are. */
export function profileNames(policy: OptionsPolicy): string[] {
  return Object.keys(policy.profiles ?? {}).sort()
}

function profileOf(name: string, policy: OptionsPolicy): { defaults: VolumeOptions; enforce: VolumeOptions } {
  const names = profileNames(policy)
  if (!names.includes(name))
    throw new AcsError('usage', 'EACSPROFILE', `there is no profile "${printable(name)}" on this host`, {
      hints: [names.length === 0 ? 'Its configuration has none' : `There are: ${names.map(printable).join(', ')}`],
    })
  const { defaults, enforce } = policy.profiles?.[name] ?? {}
  const where = (of: string): string => `${of} of profile "${printable(name)}" in the configuration`
  return { defaults: read(defaults, where('defaults'), true), enforce: read(enforce, where('enforce'), true) }
}

function read(raw: RawOptions | undefined, where: string, ofProfile = false): VolumeOptions {
  const options = parseOptions(Object.entries(raw ?? {}), where)
  if (ofProfile && options.profile !== undefined) throw badOption(`a profile cannot name a profile (${where})`)
  return options
}

function refuseOther(asked: VolumeOptions, enforced: VolumeOptions, rule: string): void {
  for (const [key, value] of entriesOf(enforced)) {
    const other = asked[key]
    if (other === undefined || other === value) continue
    const [theirs, ours] = [other, value].map((one) =>
      key === 'sizeBytes' ? formatSize(Number(one)) : printable(String(one)),
    )
    throw new AcsError(
      'usage',
      'EACSENFORCED',
      `${words.get(key) ?? key} "${theirs ?? ''}" is not to be had on this host: ${rule} in its configuration says "${ours ?? ''}"`,
      { hints: ['Leave the option out'], details: { option: key, enforced: value } },
    )
  }
}

/** `upper` on top of `lower`. */
function over(lower: VolumeOptions, upper: VolumeOptions): VolumeOptions {
  const below = { ...lower }
  // Options for one filesystem's mkfs are nothing for another's.
  if (upper.filesystem !== undefined && upper.filesystem !== lower.filesystem) delete below.mkfsOptions
  // The two name one source together.
  if (upper.from !== undefined || upper.fromSnapshot !== undefined) {
    delete below.from
    delete below.fromSnapshot
  }
  return { ...below, ...Object.fromEntries(entriesOf(upper)) }
}

function entriesOf(options: VolumeOptions): [keyof VolumeOptions, string | number | boolean][] {
  return [...words.keys()].flatMap((key) => {
    const value = options[key]
    return value === undefined ? [] : [[key, value]]
  })
}

/** What each option is called first. */
const words = new Map([...optionDefinitions].reverse().map(({ key, name }) => [key, name]))
