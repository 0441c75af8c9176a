import { Help } from '@oclif/core'
import type { Config } from '@oclif/core'
import { visibleCommands } from './grammar.js'
import type { Named } from './grammar.js'
import { helpTopics } from './help-topics.js'
import { unknownCommand } from './usage-errors.js'

/** oclif's help, with the topics that are not commands at the end of its first page. */
class AcsHelp extends Help {
  override formatRoot(): string {
    const topics = helpTopics.map(({ name, summary }): [string, string] => [`acs help ${name}`, summary])
    return `${super.formatRoot()}\n\n${this.section('MORE', this.renderList(topics, { indentation: 2 }))}`
  }
}

/** Prints the help of a command, a topic or the whole program on stdout. Throws EACSCOMMANDUNKNOWN (usage). */
export async function showHelp(config: Config, named: Named): Promise<void> {
  if (named.kind === 'unknown' && named.words.length > 0)
    throw unknownCommand(named.words, named.rest, [
      ...visibleCommands(config),
      ...helpTopics.map((topic) => topic.name),
    ])
  const help = new AcsHelp(config, config.pjson.oclif.helpOptions)
  await help.showHelp(named.words.length === 0 ? [] : [named.words.join(':')])
}
