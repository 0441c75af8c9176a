import { aliasWords } from './model.js'
import type { CompletedFlag, CompletionModel, ValueKind } from './model.js'

/** The zsh completion script, with summaries; names come from the cluster through `acs __complete`. */
export function zshScript(model: CompletionModel): string {
  return `#compdef ${model.bin}
# zsh completion for ${model.bin}: source <(${model.bin} completion zsh), or save it as _${model.bin} in a folder of $fpath

_acs_names() {
  local -a names
  names=("\${(@f)$(${model.bin} __complete "$1" "$PREFIX" -- "\${(@)words[2,-1]}" 2>/dev/null </dev/null)}")
  names=("\${(@)names:#}")
  (( \${#names} )) && compadd -a names
}

_acs() {
  local context state state_descr line
  typeset -A opt_args
  local -a next
  local command='' word position=first
  local -i used=1

  while (( used < CURRENT - 1 )); do
    word="\${words[used+1]}"
    case "$position $word" in
${aliasWords(model)
  .map(({ position, alias, word }) => `      ${quote(`${position} ${alias}`)}) word=${quote(word)} ;;`)
  .join('\n')}
    esac
    case "\${command:+$command }$word" in
${[...new Set([...model.branches.keys(), ...model.commands.map(({ words }) => words)])]
  .filter((words) => words !== '')
  .map((words) => `      ${quote(words)}) command=${quote(words)} ;;`)
  .join('\n')}
      *) break ;;
    esac
    position=later
    (( used++ ))
  done

  if (( used == CURRENT - 1 )); then
    case "$command" in
${[...model.branches].map(([branch, next]) => `      ${quote(branch)}) next=(${next.map(described).join(' ')}) ;;`).join('\n')}
    esac
    if (( \${#next} )) && [[ "$PREFIX" != -* ]]; then
      _describe 'command' next
      return
    fi
  fi

  words=("\${words[1]}" "\${(@)words[used+1,-1]}")
  (( CURRENT -= used - 1 ))
  case "$command" in
${model.commands
  .map(
    (command) =>
      `    ${quote(command.words)})\n      _arguments -s -S ${[...command.flags.flatMap(flagSpecs), ...command.args.map(({ kind, options }) => quote(`:: :${action(kind, options)}`))].join(' \\\n        ')} ;;`,
  )
  .join('\n')}
  esac
}

if [ "$funcstack[1]" = '_${model.bin}' ]; then _acs "$@"; else compdef _acs ${model.bin}; fi
`
}

function described({ word, summary }: { word: string; summary: string }): string {
  return quote(summary ? `${word}:${summary}` : word)
}

function flagSpecs(flag: CompletedFlag): string[] {
  const text = flag.summary.replace(/[[\]:\\]/g, '\\$&')
  const value = flag.takesValue ? `: :${action(flag.kind, flag.options)}` : ''
  return flag.spellings.map((spelling) => quote(`*${spelling}[${text}]${value}`))
}

function action(kind: ValueKind, options: readonly string[]): string {
  if (options.length > 0) return `(${options.join(' ')})`
  if (kind === 'file') return '_files'
  if (kind === 'folder') return '_files -/'
  return kind === 'none' ? ' ' : `_acs_names ${kind}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
