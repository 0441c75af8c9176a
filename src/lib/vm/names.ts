import { AcsError } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { isUuid } from '../base/uuid.js'
import { isGlob, matchesGlob } from './glob.js'
import { notFound, onlyOne, pick, type Kind, type Named } from './pick.js'

/** More are a slip of the keyboard rather than a wish. */
export const mostNames = 1_000
/** As documented for volume groups (assumed for machines). */
const longestName = 256

export const vmKind: Kind = { what: 'VM', listCommand: 'acs vm list' }

/**
 * Names of machines to be made: `web[01..03]` is web01, web02, web03, as wide as its ends are where one begins with a zero;
 * several ranges give each combination. Throws EACSNAME (usage) for what cannot be a name and for more than 1,000.
 */
export function expandNames(pattern: string): string[] {
  const names = expandRanges(pattern)
  const seen = new Set<string>()
  for (const name of names) {
    checkVmName(name, pattern)
    // Ranges side by side may: `a[1..11][1..11]` has a111 as 1, 11 and as 11, 1.
    if (seen.has(name)) throw badName(pattern, `it makes "${name}" twice`)
    seen.add(name)
  }
  return names
}

/**
 * The machines that the patterns mean, each once, in the order of the patterns: a UUID, an exact name, a range of names
 * which must all be there, or a shell's pattern (`web*`, `db?`, `web[0-9]`). Throws EACSNOTFOUND, which names the pattern,
 * EACSAMBIGUOUS (conflict) where an exact name fits several, and EACSNAME (usage) for a range that is none.
 */
export function matchNames<T extends Named>(patterns: readonly string[], vms: readonly T[]): T[] {
  const byName = new Map<string, T[]>()
  for (const vm of vms) byName.set(vm.name, [...(byName.get(vm.name) ?? []), vm])
  const named = (name: string): T | undefined => onlyOne(vmKind, byName.get(name) ?? [], name)
  const found = patterns.flatMap((pattern) => matchOne(pattern, vms, named))
  return [...new Map(found.map((vm) => [vm.uuid, vm])).values()]
}

function matchOne<T extends Named>(pattern: string, vms: readonly T[], named: (name: string) => T | undefined): T[] {
  if (isUuid(pattern)) return [pick(vmKind, vms, pattern)]
  // A machine may have such a name itself: `web[1]`.
  const exact = named(pattern)
  if (exact) return [exact]
  // Ranges look like a glob too.
  if (!isGlob(pattern)) return [pick(vmKind, vms, pattern)]
  const alternatives = expandRanges(pattern)
  const found = alternatives.map((name) => {
    const vm = named(name)
    if (vm) return [vm]
    return isGlob(name) ? vms.filter((candidate) => matchesGlob(name, candidate.name)) : []
  })
  const missing = alternatives.filter((_name, position) => found[position]?.length === 0)
  if (missing.length > 0) throw nothingFits(pattern, missing, vms)
  return found.flat()
}

function nothingFits(pattern: string, missing: readonly string[], vms: readonly Named[]): AcsError {
  if (missing.length === 1 && missing[0] === pattern)
    return notFound(vmKind, `no VM matches "${printable(pattern)}"`, vms, pattern)
  const shown = missing.length > 10 ? [...missing.slice(0, 10), `${missing.length - 10} more`] : missing
  return notFound(vmKind, `of "${printable(pattern)}" there is no ${shown.map(printable).join(', ')}`, vms, pattern)
}

/** All combinations of the ranges of a pattern, the last one counting fastest; the pattern itself where it has none. */
function expandRanges(pattern: string): string[] {
  const [first = '', ...rest] = pattern.split(/\[(\d+\.\.\d+)\]/)
  let names = [first]
  for (let position = 0; position < rest.length; position += 2) {
    const [range = '', text = ''] = rest.slice(position, position + 2)
    const numbers = numbersOf(range, pattern)
    if (names.length * numbers.length > mostNames) throw tooMany(pattern)
    names = names.flatMap((name) => numbers.map((number) => name + number + text))
  }
  return names
}

function numbersOf(range: string, pattern: string): string[] {
  const [from = '', to = ''] = range.split('..')
  const [low, high] = [Number(from), Number(to)]
  if (!Number.isSafeInteger(high) || high - low >= mostNames) throw tooMany(pattern)
  if (low > high) throw badName(pattern, `the range [${range}] runs backwards`)
  const padded = [from, to].some((end) => end.length > 1 && end.startsWith('0'))
  const width = padded ? Math.max(from.length, to.length) : 0
  return Array.from({ length: high - low + 1 }, (_, position) => String(low + position).padStart(width, '0'))
}

function checkVmName(name: string, pattern: string): void {
  if (name === '') throw badName(pattern, 'it is empty')
  if (name.length > longestName) throw badName(pattern, `it has ${name.length} characters, at most ${longestName} fit`)
  if (name !== printable(name)) throw badName(pattern, 'it has a character that cannot be shown')
  if (name !== name.trim()) throw badName(pattern, 'it begins or ends with a blank')
  if (/[*?[\]]/.test(name)) throw badName(pattern, '* ? [ ] stand for other letters')
  if (isUuid(name)) throw badName(pattern, 'it looks like a UUID, and a UUID means the machine that has it')
}

function tooMany(pattern: string): AcsError {
  return badName(pattern, `it makes more than ${mostNames.toLocaleString('en')} names`)
}

function badName(pattern: string, why: string): AcsError {
  const shown = pattern.length > 60 ? `${pattern.slice(0, 60)}...` : pattern
  return new AcsError('usage', 'EACSNAME', `"${printable(shown)}" cannot name VMs: ${why}`, {
    hints: ['Names look like web, or web[01..10] for ten of them'],
  })
}
