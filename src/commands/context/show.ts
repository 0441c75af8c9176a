import { AcsCommand } from '../../lib/cli/base-command.js'
import { contextColumns } from '../../lib/cli/contexts.js'
import { optionalArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { readConfig } from '../../lib/config/config-file.js'
import { currentContext } from '../../lib/config/current-context.js'
import { configFile } from '../../lib/config/paths.js'
import { shadowing } from '../../lib/config/shadowing.js'

export default class ContextShow extends AcsCommand<JsonRecord, typeof ContextShow> {
  static override summary = 'Show a context: the current one, or NAME. Warns when the environment goes before it.'
  static override examples = ['<%= config.bin %> context show', '<%= config.bin %> context show lab --json']
  static override args = { name: optionalArg('Name of the context') }

  async run(): Promise<JsonRecord> {
    const { name, context } = await currentContext(this.args.name ?? this.flags.context, process.env)
    const { current } = await readConfig(configFile(process.env))
    if (this.args.name === undefined) for (const text of shadowing(context, process.env)) this.warn(text)
    return this.showOne(contextColumns, { ...context, name, current: name === current })
  }
}
