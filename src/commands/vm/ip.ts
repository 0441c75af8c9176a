import { nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand } from '../../lib/cli/vm-command.js'

export default class VmIp extends VmCommand<JsonRecord, typeof VmIp> {
  static override summary = "Print a machine's address; wait for it where it has none yet."
  static override examples = ['<%= config.bin %> vm ip web01', 'ssh root@$(<%= config.bin %> vm ip web01)']
  static override args = { vm: nameArg('Name or UUID of the machine') }
  static override flags = { timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const [{ findVm }, { waitForAddress }] = await Promise.all([
      import('../../lib/vm/find.js'),
      import('../../lib/vm/wait.js'),
    ])
    const context = await this.machines()
    const found = await findVm(context, this.args.vm)
    this.progress.start('Waiting for an address')
    const { vm, address } = await waitForAddress(context, found, {
      onWait: ({ detail }) => this.progress.update(detail),
    })
    this.progress.done()
    this.print(address)
    return { name: vm.name, uuid: vm.uuid, address, addresses: vm.addresses }
  }
}
