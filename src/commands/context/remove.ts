import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { removeContext } from '../../lib/config/contexts.js'
import { currentContext } from '../../lib/config/current-context.js'
import { logout } from '../../lib/config/logout.js'
import { configFile } from '../../lib/config/paths.js'

export default class ContextRemove extends AcsCommand<JsonRecord, typeof ContextRemove> {
  static override summary = 'Forget a context and the password stored for it. The cluster itself is not touched.'
  static override aliases = ['context:rm']
  static override examples = ['<%= config.bin %> context remove lab']
  static override args = { name: nameArg('Name of the context') }

  async run(): Promise<JsonRecord> {
    const { name, context } = await currentContext(this.args.name, process.env)
    const left = await logout(name, context, process.env)
    if (left !== undefined) this.warn(left)
    const { current } = await removeContext(configFile(process.env), name)
    this.say(`Removed ${name}.${current === undefined ? ' No context is current now.' : ''}`)
    return { name, current: current ?? null }
  }
}
