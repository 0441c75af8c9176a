import { Args } from '@oclif/core'
import { AcsCommand } from '../lib/cli/base-command.js'
import { bashScript } from '../lib/cli/completion/bash.js'
import { completionModel } from '../lib/cli/completion/model.js'
import { zshScript } from '../lib/cli/completion/zsh.js'

export default class Completion extends AcsCommand<{ shell: string; script: string }, typeof Completion> {
  static override summary = 'Print the completion script of a shell.'
  static override description =
    'Completes commands, flags and, by asking the cluster, the names of volumes, snapshots, storage containers and contexts.'
  static override examples = [
    {
      description: 'For this shell and, with the same line in ~/.bashrc, for every new one',
      command: 'source <(<%= config.bin %> completion bash)',
    },
    {
      description: 'zsh',
      command: '<%= config.bin %> completion zsh > "${fpath[1]}/_<%= config.bin %>"',
    },
  ]
  static override args = {
    shell: Args.string({
      description: 'bash or zsh',
      required: true,
      ignoreStdin: true,
      options: ['bash', 'zsh'],
    }),
  }

  run(): Promise<{ shell: string; script: string }> {
    const { shell } = this.args
    const { bin, commands, topics } = this.config
    const model = completionModel(bin, commands, topics)
    const script = shell === 'bash' ? bashScript(model) : zshScript(model)
    this.print(script)
    return Promise.resolve({ shell, script })
  }
}
