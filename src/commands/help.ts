import { Args } from '@oclif/core'
import { AcsCommand } from '../lib/cli/base-command.js'
import { findNamed } from '../lib/cli/grammar.js'
import { helpTopics } from '../lib/cli/help-topics.js'
import { showHelp } from '../lib/cli/help.js'

export default class HelpCommand extends AcsCommand<{ text?: string }, typeof HelpCommand> {
  static override summary = 'Show help of a command, or of exit-codes, environment or formatting.'
  static override examples = [
    '<%= config.bin %> help volume create',
    '<%= config.bin %> help exit-codes',
    '<%= config.bin %> help formatting',
  ]
  static override args = {
    command: Args.string({ description: 'Command or topic', ignoreStdin: true, multiple: true }),
  }

  async run(): Promise<{ text?: string }> {
    const words = this.args.command ?? []
    const topic = helpTopics.find(({ name }) => name === words[0])
    if (topic) {
      this.print(topic.text())
      return { text: topic.text() }
    }
    await showHelp(this.config, findNamed(words, new Set(this.config.commandIDs)))
    return {}
  }
}
