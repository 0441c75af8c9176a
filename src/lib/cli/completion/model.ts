import type { Command } from '@oclif/core'
import { actionAliases, topicAliases } from '../grammar.js'

/** Where the values of a flag or argument come from: asked live, a file, a fixed list, or unknown. */
export type ValueKind = LiveKind | 'file' | 'folder' | 'none'

/** Names that `acs __complete KIND` asks for when TAB is pressed. */
export const liveKinds = [
  'volumes',
  'snapshots',
  'trash',
  'vms',
  'images',
  'networks',
  'containers',
  'contexts',
  'tasks',
  'hosts',
] as const
export type LiveKind = (typeof liveKinds)[number]

export interface CompletedFlag {
  /** `--output` and, when it has one, `-o`. */
  spellings: string[]
  summary: string
  takesValue: boolean
  options: readonly string[]
  kind: ValueKind
}

export interface CompletedCommand {
  /** Words that name it: `volume list`. */
  words: string
  summary: string
  flags: CompletedFlag[]
  /** Where the values of its arguments come from, in their order. */
  args: { kind: ValueKind; options: readonly string[] }[]
}

export interface CompletionModel {
  bin: string
  commands: CompletedCommand[]
  /** Beginnings of commands and what can follow: `''` → volume, task...; `volume` → list, create... */
  branches: Map<string, { word: string; summary: string }[]>
}

/** Everything the completion scripts know, from the manifest alone; hidden commands and flags stay hidden. */
export function completionModel(
  bin: string,
  commands: readonly Command.Loadable[],
  topics: readonly { name: string; description?: string }[],
): CompletionModel {
  const visible = commands.filter((command) => !command.hidden)
  const model: CompletionModel = { bin, commands: visible.map(completedCommand), branches: new Map() }
  const summaries = new Map(topics.map((topic) => [topic.name.replaceAll(':', ' '), topic.description ?? '']))
  for (const command of model.commands) {
    summaries.set(command.words, command.summary)
    const words = command.words.split(' ')
    for (let depth = 0; depth < words.length; depth += 1) {
      const branch = words.slice(0, depth).join(' ')
      const word = words[depth] ?? ''
      const next = model.branches.get(branch) ?? []
      model.branches.set(branch, next)
      if (next.every((known) => known.word !== word))
        next.push({ word, summary: firstLine(summaries.get(words.slice(0, depth + 1).join(' '))) })
    }
  }
  return model
}

/** Short names, as `case` patterns for the scripts: `vg` → `volume`, `ls` → `list`. */
export function aliasWords(model: CompletionModel): { position: 'first' | 'later'; alias: string; word: string }[] {
  const known = new Set([...model.branches.values()].flat().map(({ word }) => word))
  return [
    ...Object.entries(topicAliases).map(([alias, word]) => ({ position: 'first' as const, alias, word })),
    ...Object.entries(actionAliases).flatMap(([alias, words]) =>
      words.map((word) => ({ position: 'later' as const, alias, word })),
    ),
  ].filter(({ word }) => known.has(word))
}

function completedCommand(command: Command.Loadable): CompletedCommand {
  const flags = Object.values(command.flags).filter((flag) => !flag.hidden)
  return {
    words: command.id.replaceAll(':', ' '),
    summary: firstLine(command.summary ?? command.description),
    flags: flags.flatMap((flag) => completedFlag(flag)),
    args: Object.values(command.args).map((arg) => ({
      kind: kindOfArgument(command.id, arg.name),
      options: arg.options ?? [],
    })),
  }
}

function completedFlag(flag: Command.Flag.Cached): CompletedFlag[] {
  const short = flag.char ? [`-${flag.char}`] : []
  const summary = firstLine(flag.summary ?? flag.description)
  if (flag.type === 'boolean') {
    const plain = { summary, takesValue: false, options: [], kind: 'none' as const }
    const negated = flag.allowNo ? [{ ...plain, spellings: [`--no-${flag.name}`] }] : []
    return [{ ...plain, spellings: [`--${flag.name}`, ...short] }, ...negated]
  }
  const helpValue = [flag.helpValue ?? ''].flat().join(' ')
  return [
    {
      spellings: [`--${flag.name}`, ...short],
      summary,
      takesValue: true,
      options: flag.options ?? [],
      kind: kindOfFlag(flag.name, helpValue),
    },
  ]
}

function kindOfFlag(name: string, helpValue: string): ValueKind {
  if (/FILE|PATH/.test(helpValue) || name.endsWith('-file')) return 'file'
  if (/DIR|FOLDER/.test(helpValue)) return 'folder'
  return kinds[name] ?? 'none'
}

/** `acs volume create NAME` names something new; elsewhere NAME is what the topic holds. */
function kindOfArgument(id: string, name: string): ValueKind {
  const [topic = '', ...action] = id.split(':')
  // Snapshots of machines are asked for by no kind: which there are depends on the machine.
  if (topic === 'vm' && name === 'snapshot') return 'none'
  if (name !== 'name') return kinds[name.toLowerCase()] ?? 'none'
  if (id === 'volume:undelete') return 'trash'
  if (['create', 'add', 'clone'].includes(action.at(-1) ?? '')) return 'none'
  return (action.length > 1 ? kinds[action[0] ?? ''] : undefined) ?? kinds[topic] ?? 'none'
}

const kinds: Readonly<Record<string, LiveKind | 'file' | 'folder' | undefined>> = {
  volume: 'volumes',
  source: 'volumes',
  snapshot: 'snapshots',
  vm: 'vms',
  image: 'images',
  cdrom: 'images',
  network: 'networks',
  container: 'containers',
  context: 'contexts',
  task: 'tasks',
  host: 'hosts',
  file: 'file',
  folder: 'folder',
  path: 'folder',
}

function firstLine(text = ''): string {
  return (text.split('\n')[0] ?? '').replace(/<%[^%]*%>/g, '').trim()
}
