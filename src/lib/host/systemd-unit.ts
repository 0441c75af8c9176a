/** Where systemd looks for units, the first wins (systemd.unit(5)); those that packages and administrators use. */
export const systemUnitFolders = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
] as const

/** A unit file of systemd: section, key, values in order. */
export type Unit = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>

/**
 * Reads a unit file, or several in order of precedence (drop-ins last): values of one key add up, an empty one takes back
 * what came before, `\` at the end of a line goes on with the next. systemd.syntax(7).
 */
export function parseUnit(...texts: readonly string[]): Unit {
  const unit = new Map<string, Map<string, string[]>>()
  for (const text of texts) {
    let section = ''
    for (const line of text
      .replace(/\\\n/g, ' ')
      .split('\n')
      .map((raw) => raw.trim())) {
      if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
      const header = /^\[(.+)\]$/.exec(line)
      if (header?.[1] !== undefined) {
        section = header[1]
        continue
      }
      const [, key, value = ''] = /^([\w-]+)\s*=\s*(.*)$/.exec(line) ?? []
      if (key === undefined) continue
      const keys = unit.get(section) ?? new Map<string, string[]>()
      unit.set(section, keys)
      keys.set(key, value === '' ? [] : [...(keys.get(key) ?? []), value])
    }
  }
  return unit
}

/** What counts for a setting that takes one value: the last one given. */
export function settingOf(unit: Unit, section: string, key: string): string | undefined {
  return unit.get(section)?.get(key)?.at(-1)
}

/** The words of a setting that takes a list, such as `Before=`. */
export function listOf(unit: Unit, section: string, key: string): string[] {
  return (unit.get(section)?.get(key) ?? []).flatMap((value) => value.split(/\s+/))
}
