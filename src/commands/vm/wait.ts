import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand } from '../../lib/cli/vm-command.js'
import { vmColumns } from '../../lib/cli/vms.js'

export default class VmWait extends VmCommand<JsonRecord, typeof VmWait> {
  static override summary = 'Wait until a machine is on, off, suspended, or has an address.'
  static override examples = [
    '<%= config.bin %> vm wait web01 --for address',
    '<%= config.bin %> vm wait web01 --for off --timeout 2m',
  ]
  static override args = { vm: nameArg('Name or UUID of the machine') }
  static override flags = {
    for: Flags.option({
      summary: 'What to wait for.',
      options: ['on', 'off', 'suspended', 'address'] as const,
      default: 'address' as const,
    })(),
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const [{ findVm }, { waitForAddress }, { pollVm, stateInWords }] = await Promise.all([
      import('../../lib/vm/find.js'),
      import('../../lib/vm/wait.js'),
      import('../../lib/vm/poll.js'),
    ])
    const context = await this.machines()
    const found = await findVm(context, this.args.vm)
    const wanted = this.flags.for
    this.progress.start(`Waiting for ${found.name}`)
    const onWait = ({ detail }: { detail: string }): void => this.progress.update(detail)
    const timeoutMs = this.deadline.remainingMs()
    if (wanted === 'address') {
      const { vm } = await waitForAddress(context, found, { onWait, timeoutMs })
      this.progress.done()
      return this.showOne(vmColumns, vm)
    }
    const seen = await pollVm(context, found, {
      onWait,
      timeoutMs,
      isDone: ({ powerState }) => powerState === wanted,
      say: ({ name, powerState }) => `${name} is ${stateInWords(powerState)}`,
    })
    if (!seen.inTime)
      throw new AcsError('timeout', 'EACSTIMEOUT', `machine "${found.name}" is ${stateInWords(seen.vm.powerState)}`, {
        cause: seen.trouble,
        hints: ['Give it more time with --timeout'],
        details: { uuid: found.uuid, powerState: seen.vm.powerState },
      })
    this.progress.done()
    return this.showOne(vmColumns, seen.vm)
  }
}
