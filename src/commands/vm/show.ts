import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand } from '../../lib/cli/vm-command.js'
import { vmColumns } from '../../lib/cli/vms.js'

export default class VmShow extends VmCommand<JsonRecord, typeof VmShow> {
  static override summary = 'Show a virtual machine with its disks, interfaces and addresses.'
  static override examples = ['<%= config.bin %> vm show web01']
  static override args = { vm: nameArg('Name or UUID of the machine') }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../lib/vm/find.js')
    return this.showOne(vmColumns, await findVm(await this.machines(), this.args.vm))
  }
}
