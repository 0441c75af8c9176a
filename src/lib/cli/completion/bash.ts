import { aliasWords } from './model.js'
import type { CompletedCommand, CompletionModel, ValueKind } from './model.js'

/** The bash completion script: fixed words from the manifest, names from the cluster through `acs __complete`. */
export function bashScript(model: CompletionModel): string {
  return `# bash completion for ${model.bin}: source <(${model.bin} completion bash)
# Needs bash 3.2 or newer and no other package.

_acs_next() { # words that can follow a beginning of a command
  case "$1" in
${[...model.branches].map(([branch, next]) => `    ${quote(branch)}) echo ${quote(next.map(({ word }) => word).join(' '))} ;;`).join('\n')}
  esac
}

_acs_flags() { # flags of a command
  case "$1" in
${model.commands.map((command) => `    ${quote(command.words)}) echo ${quote(spellings(command))} ;;`).join('\n')}
  esac
}

_acs_value() { # where the value of a flag comes from: a kind, or =LIST; fails for flags without a value
  case "$1 $2" in
${valueCases(model)}
    *) return 1 ;;
  esac
}

_acs_argument() { # where the Nth argument (from 0) of a command comes from
  case "$1 $2" in
${argumentCases(model)}
    *) echo none ;;
  esac
}

_acs_word() { # the long form of a short name
  case "$1 $2" in
${aliasWords(model)
  .map(({ position, alias, word }) => `    ${quote(`${position} ${alias}`)}) echo ${quote(word)} ;;`)
  .join('\n')}
    *) echo "$2" ;;
  esac
}

_acs() {
  local path='' next word flag='' kind='' position=first count=0 i in_command=''
  local -a words
  # Our own words, split at blanks: COMP_WORDS is split at = and @ too.
  read -ra words <<< "\${COMP_LINE:0:COMP_POINT}"
  case "\${COMP_LINE:0:COMP_POINT}" in *[[:space:]]) words+=('') ;; esac
  local last=$((\${#words[@]} - 1))
  local cur="\${words[last]}"
  COMPREPLY=()
  case "$cur" in --*=*) flag="\${cur%%=*}"; cur="\${cur#*=}" ;; esac

  for ((i = 1; i < last; i++)); do
    word="\${words[i]}"
    if [ -z "$in_command" ]; then
      next="$(_acs_next "$path")"
      word="$(_acs_word "$position" "$word")"
      case " $next " in
        *" $word "*) path="\${path:+$path }$word"; position=later; continue ;;
      esac
      in_command=yes
    fi
    case "$word" in
      --*=*) ;;
      -*) if _acs_value "$path" "$word" >/dev/null; then
            i=$((i + 1))
            [ "$i" -eq "$last" ] && flag="$word"
          fi ;;
      *) count=$((count + 1)) ;;
    esac
  done

  if [ -n "$flag" ]; then
    kind="$(_acs_value "$path" "$flag")" || return 0
  elif [ "\${cur#-}" != "$cur" ]; then
    COMPREPLY=($(compgen -W "$(_acs_flags "$path")" -- "$cur"))
    return 0
  else
    next="$(_acs_next "$path")"
    if [ -n "$next" ] && [ -z "$in_command" ]; then
      COMPREPLY=($(compgen -W "$next" -- "$cur"))
      [ \${#COMPREPLY[@]} -gt 0 ] && return 0
    fi
    kind="$(_acs_argument "$path" "$count")"
  fi

  case "$kind" in
    =*) COMPREPLY=($(compgen -W "\${kind#=}" -- "$cur")) ;;
    file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
    folder) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
    none) ;;
    *)
      local name head IFS=$'\\n'
      # bash replaces only what follows the last @ or : that it takes for a break.
      head="\${cur%"\${cur##*[@:]}"}"
      for name in $(${model.bin} __complete "$kind" "$cur" -- "\${words[@]:1}" 2>/dev/null </dev/null); do
        COMPREPLY+=("$(printf '%q' "\${name#"$head"}")")
      done ;;
  esac
}

complete -F _acs ${model.bin}
`
}

function spellings(command: CompletedCommand): string {
  return command.flags.flatMap((flag) => flag.spellings).join(' ')
}

function valueCases(model: CompletionModel): string {
  // Most flags are the same in every command: one pattern with * serves them all.
  const byFlag = new Map<string, Map<string, string[]>>()
  for (const command of model.commands)
    for (const flag of command.flags.filter(({ takesValue }) => takesValue))
      for (const spelling of flag.spellings) {
        const sources = byFlag.get(spelling) ?? new Map<string, string[]>()
        byFlag.set(spelling, sources)
        const source = sourceText(flag.kind, flag.options)
        sources.set(source, [...(sources.get(source) ?? []), command.words])
      }
  const lines: string[] = []
  for (const [spelling, sources] of byFlag) {
    const isBooleanElsewhere = model.commands.some((command) =>
      command.flags.some((flag) => !flag.takesValue && flag.spellings.includes(spelling)),
    )
    for (const [source, commands] of sources) {
      const everywhere = sources.size === 1 && !isBooleanElsewhere
      const patterns = everywhere ? [`*' ${spelling}'`] : commands.map((words) => quote(`${words} ${spelling}`))
      lines.push(`    ${patterns.join(' | ')}) echo ${quote(source)} ;;`)
    }
  }
  return lines.join('\n')
}

function argumentCases(model: CompletionModel): string {
  return model.commands
    .flatMap((command) =>
      command.args.map(
        ({ kind, options }, index) =>
          `    ${quote(`${command.words} ${index}`)}) echo ${quote(sourceText(kind, options))} ;;`,
      ),
    )
    .join('\n')
}

function sourceText(kind: ValueKind, options: readonly string[]): string {
  return options.length > 0 ? `=${options.join(' ')}` : kind
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
