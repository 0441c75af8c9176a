import { AcsCommand } from '../../lib/cli/base-command.js'
import { containerChange, containerColumns, containerFlags } from '../../lib/cli/containers.js'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ContainerCreate extends AcsCommand<JsonRecord, typeof ContainerCreate> {
  static override summary = 'Create a storage container.'
  static override examples = [
    '<%= config.bin %> container create docker',
    '<%= config.bin %> container create archive --compression-delay 1h --erasure-coding --advertised 2T',
  ]
  static override args = { name: nameArg('Name of the new storage container') }
  static override flags = { ...containerFlags, 'dry-run': mutationFlags['dry-run'] }

  async run(): Promise<JsonRecord> {
    const { name } = this.args
    const spec = { ...containerChange(this.flags), name }
    const prism = await this.prism()
    if (this.flags['dry-run']) return this.showPlan([`create the storage container "${name}"`])
    const container = await prism.createStorageContainer(spec, { deadline: this.deadline })
    this.say(`Created storage container ${name}.`)
    return this.showOne(containerColumns, container)
  }
}
