import { AcsCommand } from '../../lib/cli/base-command.js'
import { contextColumns } from '../../lib/cli/contexts.js'
import { listFlags } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { readConfig } from '../../lib/config/config-file.js'
import { configFile } from '../../lib/config/paths.js'

export default class ContextList extends AcsCommand<JsonRecord[], typeof ContextList> {
  static override summary = 'List the clusters acs knows.'
  static override examples = ['<%= config.bin %> context list']
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const { current, contexts } = await readConfig(configFile(process.env))
    const rows = Object.entries(contexts).map(([name, context]) => ({ ...context, name, current: name === current }))
    return this.showList(
      contextColumns,
      rows,
      'No contexts. Make one: acs context add NAME --endpoint HOST --username USER',
    )
  }
}
