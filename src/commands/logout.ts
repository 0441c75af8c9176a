import { AcsCommand } from '../lib/cli/base-command.js'
import type { JsonRecord } from '../lib/cli/output/columns.js'
import { addContext } from '../lib/config/contexts.js'
import { currentContext } from '../lib/config/current-context.js'
import { logout } from '../lib/config/logout.js'
import { configFile } from '../lib/config/paths.js'

export default class Logout extends AcsCommand<JsonRecord, typeof Logout> {
  static override summary = 'Remove the stored password of the current context, or of --context.'
  static override examples = ['<%= config.bin %> logout', '<%= config.bin %> logout --context lab']

  async run(): Promise<JsonRecord> {
    const { name, context } = await currentContext(this.flags.context, process.env)
    const left = await logout(name, context, process.env)
    if (left !== undefined) this.warn(left)
    const { credential, ...rest } = context
    if (credential !== undefined) await addContext(configFile(process.env), name, rest, { replace: true })
    this.say(credential === undefined ? `No password is stored for ${name}.` : `Logged out of ${name}.`)
    return { context: name, removed: credential !== undefined && left === undefined }
  }
}
