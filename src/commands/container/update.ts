import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { containerChange, containerColumns, containerFlags } from '../../lib/cli/containers.js'
import { mutationFlags, nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ContainerUpdate extends AcsCommand<JsonRecord, typeof ContainerUpdate> {
  static override summary = 'Change settings of a storage container; what is not named stays.'
  static override examples = [
    '<%= config.bin %> container update docker --compression-delay 0',
    '<%= config.bin %> container update docker --reserved 500G --deduplication cache',
  ]
  static override args = { container: nameArg('Name or UUID of the storage container') }
  static override flags = {
    rename: Flags.string({ summary: 'Give it another name.', helpValue: 'NAME' }),
    ...containerFlags,
    'dry-run': mutationFlags['dry-run'],
  }

  async run(): Promise<JsonRecord> {
    const { rename } = this.flags
    const change = { ...containerChange(this.flags), ...(rename === undefined ? {} : { name: rename }) }
    const said = Object.keys(change)
    if (said.length === 0)
      throw new AcsError('usage', 'EACSUSAGE', 'say what to change', {
        hints: ['acs help container update'],
      })
    const { findContainer } = await import('../../lib/volume/containers.js')
    const context = { prism: await this.prism(), deadline: this.deadline }
    const { uuid, name } = await findContainer(context, this.args.container)
    if (this.flags['dry-run']) return this.showPlan([`change ${said.join(', ')} of the storage container "${name}"`])
    const container = await context.prism.updateStorageContainer(uuid, change, { deadline: this.deadline })
    this.say(`Changed storage container ${container.name}.`)
    return this.showOne(containerColumns, container)
  }
}
