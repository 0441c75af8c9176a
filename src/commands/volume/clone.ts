import { Flags } from '@oclif/core'
import { mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'

export default class VolumeClone extends VolumeCommand<JsonRecord, typeof VolumeClone> {
  static override summary = 'Clone a volume or a snapshot to a new volume.'
  static override description =
    'A filesystem that is mounted on this machine is frozen meanwhile. A clone of a volume in use elsewhere is as after a power cut there.'
  static override examples = ['<%= config.bin %> volume clone db db-test']
  static override args = { source: nameArg('Volume or snapshot to clone'), name: nameArg('Name of the new volume') }
  static override flags = {
    description: Flags.string({ summary: "Text for people, instead of the source's." }),
    freeze: Flags.boolean({ summary: 'Freeze it meanwhile, when it is mounted here.', allowNo: true, default: true }),
    'exists-ok': Flags.boolean({ summary: 'A volume of that name that is there already is success.' }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { cloneVolume } = await import('../../lib/volume/clone.js')
    const context = await this.volumes()
    const { volume, created, planned } = await cloneVolume(context, {
      ...this.args,
      description: this.flags.description,
      freeze: this.flags.freeze,
      existsOk: this.flags['exists-ok'],
      dryRun: this.flags['dry-run'],
      onTask: this.onTask,
    })
    if (!volume || planned) return this.showPlan(planned ?? [])
    const { name } = this.args
    return this.tellVolume(context, volume, {
      text: `Created volume ${name}. Mount it: acs volume mount ${name}`,
      more: { created },
    })
  }
}
