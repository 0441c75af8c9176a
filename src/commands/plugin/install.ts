import { join, resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { isAcsError } from '../../lib/base/errors.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import type { ResolvedConnection } from '../../lib/cli/connection.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { installRecord, installText, pluginNameFlag, prefixFlag } from '../../lib/cli/plugin-install.js'
import { storePassword } from '../../lib/config/credential-store.js'

const caFile = '/etc/acs/ca.pem'

export default class PluginInstall extends AcsCommand<JsonRecord, typeof PluginInstall> {
  static override summary = 'Install the volume plugin as a service of systemd, with its socket and its configuration.'
  static override description =
    'Writes acs-plugin.socket and acs-plugin.service, and /etc/acs/plugin.yaml and /etc/acs/config.yaml where there are none, for the cluster of the current context or of the flags. What is there already stays. The password goes to /etc/acs/password, when --password-stdin or --password-file gives it; never into a unit. docs/plugin-install.md has the rest.'
  static override examples = [
    'sudo <%= config.bin %> plugin install',
    'sudo <%= config.bin %> plugin install --podman --password-file secret',
    '<%= config.bin %> plugin install --dry-run',
    '<%= config.bin %> plugin install --prefix debian/acs --program /usr/bin/acs',
  ]
  static override flags = {
    name: pluginNameFlag(),
    podman: Flags.boolean({ summary: 'Tell Podman of it too, in /etc/containers/containers.conf.d/acs.conf.' }),
    program: Flags.string({
      summary: 'Program that the service starts; default: this very acs, with the Node.js that runs it.',
      helpValue: 'PATH',
    }),
    prefix: prefixFlag(),
    'dry-run': Flags.boolean({ summary: 'Print what would be done, and do nothing.' }),
  }

  async run(): Promise<JsonRecord> {
    const { installPlugin } = await import('../../lib/plugin/install/install.js')
    const { createRunner } = await import('../../lib/host/exec.js')
    const { passwordFile } = await import('../../lib/plugin/install/templates.js')
    const { name, podman, program, prefix } = this.flags
    const connection = await this.knownConnection()
    const result = await installPlugin(
      {
        name,
        podman,
        program:
          program === undefined ? [process.execPath, join(this.config.root, 'bin', 'run.js')] : [resolve(program)],
        dryRun: this.flags['dry-run'],
        ...(prefix === undefined ? {} : { prefix: resolve(prefix) }),
        ...(connection ? { connection: installed(connection) } : {}),
        ...(connection?.ca === undefined ? {} : { ca: connection.ca }),
      },
      {
        runner: createRunner(),
        deadline: this.deadline,
        report: (step) => this.progress.start(step),
      },
    )
    if (connection && this.hasPassword && !this.flags['dry-run']) {
      const path = join(prefix === undefined ? '/' : resolve(prefix), passwordFile)
      const { username, authority } = connection
      const login = { context: 'plugin', username, authority }
      await storePassword({ source: 'file', path }, login, await connection.password())
      result.next = result.next.filter((step) => !step.includes(passwordFile))
    }
    this.progress.done()
    this.print(installText(result, this.flags['dry-run']))
    return installRecord(result, this.flags['dry-run'])
  }

  private get hasPassword(): boolean {
    return this.flags['password-stdin'] || this.flags['password-file'] !== undefined
  }

  /** The cluster that the flags, the environment or a context name; undefined where nothing does. */
  private async knownConnection(): Promise<ResolvedConnection | undefined> {
    try {
      return await this.connection()
    } catch (error) {
      // A password for nobody is a mistake; no cluster at all is filled in later.
      if (!this.hasPassword && isAcsError(error, 'EACSNOCONNECTION')) return undefined
      throw error
    }
  }
}

function installed({ endpoint, username, ca, fingerprint, dataServices, storageContainer }: ResolvedConnection) {
  return {
    endpoint,
    username,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(ca === undefined ? {} : { caFile }),
    ...(dataServices === undefined ? {} : { dataServices }),
    ...(storageContainer === undefined ? {} : { storageContainer }),
  }
}
