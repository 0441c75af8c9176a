import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { checkName } from '../../lib/config/contexts.js'
import { parseCredential } from '../../lib/config/credential-store.js'
import { keepContext } from '../../lib/config/keep-context.js'
import { configFile } from '../../lib/config/paths.js'
import { readCaFile } from '../../lib/config/resolve.js'
import { parseEndpoint, parseFingerprint } from '../../lib/prism/endpoint.js'

export default class ContextAdd extends AcsCommand<JsonRecord, typeof ContextAdd> {
  static override summary =
    'Add a cluster under a short name. Shows its certificate and asks, unless a CA vouches for it.'
  static override examples = [
    '<%= config.bin %> context add lab --endpoint prism.example.com --username admin --use',
    '<%= config.bin %> context add lab --endpoint 10.1.1.5 --username admin --ca-file /etc/ssl/prism-ca.pem',
    "<%= config.bin %> context add lab --endpoint 10.1.1.5 --username admin --credential 'command:pass show prism'",
  ]
  static override args = { name: nameArg('Name of the context') }
  static override flags = {
    use: Flags.boolean({ summary: 'Make it the current context; the first one always is.' }),
    replace: Flags.boolean({
      summary: 'Replace a context of that name; its password stays for the same user on the same endpoint only.',
    }),
    credential: Flags.string({
      summary: 'Where its password is kept: keyring, file, file:PATH or command:COMMAND.',
      helpValue: 'SOURCE',
    }),
    'data-services': Flags.string({
      summary: "iSCSI data services portal, where Prism's own answer does not serve.",
      helpValue: 'HOST[:PORT]',
    }),
    container: Flags.string({ summary: 'Storage container for new volumes.', helpValue: 'NAME' }),
  }

  async run(): Promise<JsonRecord> {
    const { args, flags } = this
    checkName(args.name)
    const credential = flags.credential && parseCredential(flags.credential, process.env, args.name)
    const { endpoint, username } = await this.whereAndWho()
    const wanted = {
      endpoint,
      username,
      ...(await this.trust(endpoint)),
      ...(credential ? { credential } : {}),
      ...(flags['data-services'] === undefined ? {} : { dataServices: flags['data-services'] }),
      ...(flags.container === undefined ? {} : { storageContainer: flags.container }),
    }
    const { config, context, forgotten } = await keepContext(configFile(process.env), args.name, wanted, {
      use: flags.use,
      replace: flags.replace,
      env: process.env,
    })
    const isCurrent = config.current === args.name
    this.say(`Added ${args.name}: ${endpoint} as ${username}${isCurrent ? ', now the current context' : ''}.`)
    if (forgotten === true) this.say('The password stored for the context before is removed.')
    else if (typeof forgotten === 'string') this.warn(forgotten)
    const stays = context.credential !== wanted.credential
    if (!stays && context.credential?.source !== 'command')
      this.say(`Next: acs login${isCurrent ? '' : ` --context ${args.name}`}`)
    return { name: args.name, current: isCurrent, ...context }
  }

  private async whereAndWho(): Promise<{ endpoint: string; username: string }> {
    const { endpoint, username } = this.flags
    const missing = [...(endpoint ? [] : ['--endpoint']), ...(username ? [] : ['--username'])]
    if (missing.length > 0 && !this.prompt.possible)
      throw new AcsError('usage', 'EACSNOINPUT', `${missing.join(' and ')} must be given`, { details: { missing } })
    return {
      endpoint: parseEndpoint(endpoint ?? (await this.prompt.text('Prism Element (HOST or HOST:PORT):', '--endpoint')))
        .origin,
      username: username ?? (await this.prompt.text('User:', '--username', 'admin')),
    }
  }

  /** As ssh does at first use: the fingerprint is shown, a person compares it, and from then on it is pinned. */
  private async trust(endpoint: string): Promise<{ fingerprint?: string; caFile?: string }> {
    const { fingerprint, 'ca-file': caFile } = this.flags
    if (fingerprint !== undefined) return { fingerprint: parseFingerprint(fingerprint) }
    if (caFile !== undefined) {
      await readCaFile(caFile, 'flag --ca-file')
      return { caFile: resolve(caFile) }
    }
    const { fetchCertificate } = await import('../../lib/prism/certificate.js')
    const certificate = await fetchCertificate(endpoint, this.deadline)
    if (certificate.trusted) return {}
    this.say(
      [
        `The certificate of ${endpoint} is not vouched for by the CAs that Node.js knows (${certificate.reason ?? 'unknown'}).`,
        `  subject      ${certificate.subject}`,
        `  issuer       ${certificate.issuer}`,
        `  valid until  ${certificate.validTo.toISOString().slice(0, 10)}`,
        `  SHA-256      ${certificate.fingerprint}`,
      ].join('\n'),
    )
    await this.prompt.confirm(
      'Is this the fingerprint the cluster has? Pin it?',
      `--fingerprint ${certificate.fingerprint}, after comparing it with the cluster's own,`,
    )
    return { fingerprint: certificate.fingerprint }
  }
}
