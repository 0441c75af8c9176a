/** The machine-readable forms of a result. */
export type MachineFormat = 'json' | 'yaml'

/** A document in a machine-readable form, ending in a newline. */
export async function documentText(document: unknown, format: MachineFormat): Promise<string> {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`
  const { stringify } = await import('yaml')
  // Through JSON first: the two formats say the same, and yaml would write anchors for shared objects.
  return stringify(JSON.parse(JSON.stringify(document)), { lineWidth: 0 })
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
