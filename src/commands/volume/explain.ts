import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { iscsiFlags, VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeExplain extends VolumeCommand<JsonRecord, typeof VolumeExplain> {
  static override summary = 'Explain what state a volume is in, who holds it since when, and what to do next.'
  static override examples = ['<%= config.bin %> volume explain db']
  static override args = { volume: nameArg('Name or UUID of the volume or snapshot') }
  static override flags = { ...iscsiFlags }

  async run(): Promise<JsonRecord> {
    const { explainVolume } = await import('../../lib/volume/explain.js')
    const { printable } = await import('../../lib/volume/names.js')
    const { name, uuid, state, summary, evidence, next } = await explainVolume(await this.volumes(), this.args.volume)
    if (this.flags.output === 'name') this.print(name)
    else
      this.print(
        [
          `${printable(name)} (${uuid}): ${state}`,
          '',
          printable(summary),
          '',
          'Seen:',
          ...evidence.map((line) => `  ${printable(line)}`),
          '',
          'Next:',
          ...next.map((line) => `  ${printable(line)}`),
        ].join('\n'),
      )
    return { name, uuid, state, summary, evidence, next }
  }
}
