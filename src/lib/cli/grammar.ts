/** Short names that administrators type, for the first word. */
export const topicAliases: Readonly<Record<string, string>> = {
  vg: 'volume',
  ctr: 'container',
  pd: 'protection-domain',
}

/** Short names of actions; the first that exists for the entity is meant. */
export const actionAliases: Readonly<Record<string, readonly string[]>> = { ls: ['list'], rm: ['delete', 'remove'] }

/** What a command line names. */
export interface Named {
  /** The words that name it, aliases replaced: `['volume', 'list']`. */
  words: string[]
  kind: 'command' | 'topic' | 'unknown'
  /** What follows those words. */
  rest: string[]
}

/**
 * Finds the command or topic at the beginning of `argv`. `commands` are ids with colons, as oclif names them.
 * Words after a command are its arguments: `volume delete ls` deletes a volume called ls.
 */
export function findNamed(argv: readonly string[], commands: ReadonlySet<string>): Named {
  const topics = topicsOf(commands)
  const words: string[] = []
  for (const word of argv) {
    if (word.startsWith('-')) break
    const next = candidates(word, words.length).find((candidate) => {
      const id = [...words, candidate].join(':')
      return commands.has(id) || topics.has(id)
    })
    if (next === undefined) break
    words.push(next)
  }
  const id = words.join(':')
  const rest = argv.slice(words.length)
  if (commands.has(id)) return { words, kind: 'command', rest }
  if (words.length > 0 && (rest[0] === undefined || rest[0].startsWith('-'))) return { words, kind: 'topic', rest }
  const typed = argv.slice(0, words.length + 1).filter((word) => !word.startsWith('-'))
  return { words: [...words, ...typed.slice(words.length)], kind: 'unknown', rest: argv.slice(typed.length) }
}

/** The commands of help and suggestions, as typed: `volume list`. */
export function visibleCommands(config: { commands: readonly { id: string; hidden?: boolean }[] }): string[] {
  return config.commands.filter((command) => !command.hidden).map((command) => command.id.replaceAll(':', ' '))
}

function candidates(word: string, position: number): string[] {
  // A volume may be called `valueOf`: only the table's own keys are aliases.
  const alias = position === 0 && Object.hasOwn(topicAliases, word) ? topicAliases[word] : undefined
  const actions = position > 0 && Object.hasOwn(actionAliases, word) ? actionAliases[word] : undefined
  return [word, ...(alias === undefined ? [] : [alias]), ...(actions ?? [])]
}

/** Every beginning of a command: `volume` and `volume:snapshot` of `volume:snapshot:list`. */
function topicsOf(commands: ReadonlySet<string>): Set<string> {
  const topics = new Set<string>()
  for (const id of commands)
    for (let end = id.indexOf(':'); end !== -1; end = id.indexOf(':', end + 1)) topics.add(id.slice(0, end))
  return topics
}
