import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { AcsCommand } from '../../lib/cli/base-command.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { installRecord, installText, pluginNameFlag, prefixFlag } from '../../lib/cli/plugin-install.js'

export default class PluginUninstall extends AcsCommand<JsonRecord, typeof PluginUninstall> {
  static override summary = 'Stop the volume plugin and remove what acs plugin install wrote; volumes stay.'
  static override description =
    "Refuses while containers use volumes. Configuration that was changed, passwords and this machine's state stay."
  static override examples = ['sudo <%= config.bin %> plugin uninstall', '<%= config.bin %> plugin uninstall --dry-run']
  static override flags = {
    name: pluginNameFlag(),
    force: Flags.boolean({ summary: 'Although containers use volumes: they keep what is mounted, without a plugin.' }),
    prefix: prefixFlag(),
    'dry-run': Flags.boolean({ summary: 'Print what would be done, and do nothing.' }),
  }

  async run(): Promise<JsonRecord> {
    const { uninstallPlugin } = await import('../../lib/plugin/install/install.js')
    const { createRunner } = await import('../../lib/host/exec.js')
    const { defaultStateFolder } = await import('../../lib/host/roots.js')
    const { name, force, prefix } = this.flags
    const result = await uninstallPlugin(
      {
        name,
        force,
        dryRun: this.flags['dry-run'],
        stateFolder: defaultStateFolder(),
        ...(prefix === undefined ? {} : { prefix: resolve(prefix) }),
      },
      { runner: createRunner(), deadline: this.deadline, report: (step) => this.progress.start(step) },
    )
    this.progress.done()
    if (result.files.length === 0) this.say(`The plugin ${name} is not installed.`)
    this.print(installText(result, this.flags['dry-run']))
    return installRecord(result, this.flags['dry-run'])
  }
}
