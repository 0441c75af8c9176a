import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { useContext } from '../../lib/config/contexts.js'
import { configFile } from '../../lib/config/paths.js'
import { findContext } from '../../lib/config/contexts.js'
import { shadowing } from '../../lib/config/shadowing.js'

export default class ContextUse extends AcsCommand<JsonRecord, typeof ContextUse> {
  static override summary = 'Make a context the current one.'
  static override examples = ['<%= config.bin %> context use lab']
  static override args = { name: nameArg('Name of the context') }

  async run(): Promise<JsonRecord> {
    const { name } = this.args
    const context = findContext(await useContext(configFile(process.env), name), name)
    for (const text of shadowing(context, process.env)) this.warn(text)
    this.say(`The current context is ${name}: ${context.endpoint} as ${context.username ?? 'nobody'}.`)
    return { name, endpoint: context.endpoint }
  }
}
