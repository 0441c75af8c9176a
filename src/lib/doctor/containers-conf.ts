/** What Podman reads of containers.conf about volume plugins; later files win, setting by setting. */
export interface VolumePluginSettings {
  /** Seconds; 0 for no limit. */
  timeout?: number
  /** Driver name to socket. */
  plugins: Readonly<Record<string, string>>
}

/**
 * The two settings of containers.conf(5) that matter here, out of TOML files in order of precedence. Enough of TOML
 * for them: tables, `key = value` with bare or quoted keys, strings, numbers, comments, one inline table.
 */
export function parseContainersConf(...texts: readonly string[]): VolumePluginSettings {
  const found: { timeout?: number; plugins: Record<string, string> } = { plugins: {} }
  for (const text of texts) {
    let table = ''
    for (const line of text.split('\n').map((raw) => raw.trim())) {
      const header = /^\[\s*([^[\]]+?)\s*\]\s*(?:#.*)?$/.exec(line)
      if (header?.[1] !== undefined) {
        table = header[1].replace(/\s*\.\s*/g, '.').replaceAll('"', '')
        continue
      }
      const [, key, value] = /^("[^"]*"|[\w.-]+)\s*=\s*(.+)$/.exec(line) ?? []
      if (key !== undefined && value !== undefined) take(found, `${table}.${key.replaceAll('"', '')}`, value)
    }
  }
  return found
}

function take(found: { timeout?: number; plugins: Record<string, string> }, path: string, value: string): void {
  if (path === 'engine.volume_plugin_timeout') {
    const seconds = /^[+]?(\d+)/.exec(value)?.[1]
    if (seconds !== undefined) found.timeout = Number(seconds)
    return
  }
  if (path === 'engine.volume_plugins') {
    for (const [, name, socket] of value.matchAll(/"?([\w.-]+)"?\s*=\s*["']([^"']+)["']/g))
      if (name !== undefined && socket !== undefined) found.plugins[name] = socket
    return
  }
  const name = /^engine\.volume_plugins\.(.+)$/.exec(path)?.[1]
  const socket = /^["']([^"']+)["']/.exec(value)?.[1]
  if (name !== undefined && socket !== undefined) found.plugins[name] = socket
}
