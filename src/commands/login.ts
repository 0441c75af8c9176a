import { Flags } from '@oclif/core'
import { AcsError } from '../lib/base/errors.js'
import { AcsCommand } from '../lib/cli/base-command.js'
import { connectionInput, openPrism } from '../lib/cli/connection.js'
import type { JsonRecord } from '../lib/cli/output/columns.js'
import { addContext } from '../lib/config/contexts.js'
import { checkStore, credentialText, parseCredential, storePassword } from '../lib/config/credential-store.js'
import { currentContext, withoutConnection } from '../lib/config/current-context.js'
import { configFile } from '../lib/config/paths.js'
import { resolveConnection } from '../lib/config/resolve.js'

export default class Login extends AcsCommand<JsonRecord, typeof Login> {
  static override summary =
    'Check a password against the cluster and keep it, in the keyring or in a file of mode 0600.'
  static override description =
    'The password is asked for on a terminal, or read from --password-stdin or --password-file. It is kept for the current context, or for --context.'
  static override examples = [
    '<%= config.bin %> login',
    '<%= config.bin %> login --context lab --credential file --password-stdin < secret',
  ]
  static override flags = {
    credential: Flags.string({
      summary: 'Where to keep it: keyring, file or file:PATH. Default: where the context says, else keyring.',
      helpValue: 'SOURCE',
    }),
  }

  async run(): Promise<JsonRecord> {
    const { flags } = this
    const { name, context } = await currentContext(flags.context, process.env)
    if (flags.endpoint !== undefined)
      throw new AcsError('usage', 'EACSFLAG', 'login is to a context; --endpoint belongs to acs context add')
    const credential = flags.credential
      ? parseCredential(flags.credential, process.env, name)
      : (context.credential ?? ({ source: 'keyring' } as const))
    const connection = await resolveConnection({
      flags: { ...connectionInput(flags), context: name },
      env: withoutConnection(process.env),
      // Only the context: another cluster's password must not be tried here.
      systemFile: '',
      withoutStored: true,
      askPassword: (text) => this.prompt.password(text),
    })
    const login = { context: name, username: connection.username, authority: connection.authority }
    await checkStore(credential, login)
    const password = await connection.password()
    const cluster = await this.verify({ ...connection, password: () => Promise.resolve(password) })
    await storePassword(credential, login, password)
    await addContext(
      configFile(process.env),
      name,
      { ...context, username: login.username, credential },
      { replace: true },
    )
    this.say(
      `Logged in to ${name}: ${cluster} at ${login.authority} as ${login.username}. Password kept in: ${credentialText(credential)}.`,
    )
    return { context: name, endpoint: connection.endpoint, username: login.username, credential }
  }

  /** One login on the cluster; its name. */
  private async verify(connection: Parameters<typeof openPrism>[0]): Promise<string> {
    const prism = await openPrism(connection, { userAgent: this.config.userAgent, debug: this.debugLog })
    try {
      return (await prism.cluster({ deadline: this.deadline })).name
    } finally {
      await prism.close()
    }
  }
}
