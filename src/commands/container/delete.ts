import { AcsCommand } from '../../lib/cli/base-command.js'
import { destructiveFlags, mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ContainerDelete extends AcsCommand<JsonRecord, typeof ContainerDelete> {
  static override summary = 'Delete an empty storage container.'
  static override description = 'ncli deletes without a question; this asks. The cluster refuses one that holds disks.'
  static override examples = [
    '<%= config.bin %> container delete archive',
    '<%= config.bin %> container delete archive --confirm archive',
  ]
  static override args = { container: nameArg('Name or UUID of the storage container') }
  static override flags = { ...destructiveFlags, 'dry-run': mutationFlags['dry-run'] }

  async run(): Promise<JsonRecord> {
    const { findContainer } = await import('../../lib/volume/containers.js')
    const context = { prism: await this.prism(), deadline: this.deadline }
    const { uuid, name } = await findContainer(context, this.args.container)
    if (this.flags['dry-run']) return this.showPlan([`delete the storage container "${name}"`])
    await this.prompt.typeBack(name, `This deletes the storage container "${name}", for good.`)
    await context.prism.deleteStorageContainer(uuid, { deadline: this.deadline })
    this.say(`Deleted storage container ${name}.`)
    if (this.flags.output === 'name') this.print(name)
    return { name, uuid }
  }
}
