import { Args } from '@oclif/core'
import { AcsCommand } from '../lib/cli/base-command.js'
import { liveKinds } from '../lib/cli/completion/model.js'
import { completeNames } from '../lib/cli/completion/live-names.js'

/** Called by the completion scripts at each TAB; prints names or nothing, and never an error. */
export default class Complete extends AcsCommand<string[], typeof Complete> {
  static override hidden = true
  static override summary = 'Names for shell completion.'
  static override args = {
    kind: Args.option({ options: liveKinds })({ required: true, ignoreStdin: true }),
    prefix: Args.string({ required: true, ignoreStdin: true }),
    words: Args.string({ description: 'The command line so far', ignoreStdin: true, multiple: true }),
  }

  async run(): Promise<string[]> {
    const { kind, prefix, words = [] } = this.args
    const { userAgent } = this.config
    const names = await completeNames({ kind, prefix, words, userAgent, debug: this.debugLog })
    this.print(names.map((name) => `${name}\n`).join(''))
    return names
  }
}
