/** The machine-readable forms of a result. */
export type MachineFormat = 'json' | 'yaml'

/** A document in a machine-readable form, ending in a newline. */
export async function documentText(document: unknown, format: MachineFormat): Promise<string> {
  // JSON escapes C0 by itself; 0x9B is an ESC [ of its own, and the rest turns the order of what is read.
  if (format === 'json')
    return `${JSON.stringify(document, null, 2).replace(/[\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g, unicodeEscape)}\n`
  const { stringify } = await import('yaml')
  // Through JSON first: the two formats say the same, and yaml would write anchors for shared objects.
  return stringify(JSON.parse(JSON.stringify(document)), { lineWidth: 0 })
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * The machine-readable format asked for by `--json`, `-o` or ACS_OUTPUT. Reads argv itself, so that an error
 * of the command line is still told in the format asked for.
 */
export function machineFormat(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): MachineFormat | undefined {
  const asked = requestedFormat(argv, environment)
  return asked === 'json' || asked === 'yaml' ? asked : undefined
}

function requestedFormat(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  if (words.includes('--json')) return 'json'
  for (const [index, word] of words.entries()) {
    if (word === '--output' || word === '-o') return words[index + 1]
    const match = /^(?:--output=|-o=?)(.+)$/s.exec(word)
    if (match) return match[1]
  }
  return environment.ACS_OUTPUT
}
