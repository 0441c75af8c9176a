import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { mutationFlags, nameArg, sizeFlag, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand } from '../../lib/cli/vm-command.js'
import type { VmChange } from '../../lib/prism/prism.js'

export default class VmUpdate extends VmCommand<JsonRecord, typeof VmUpdate> {
  static override summary = 'Change a machine: name, memory, processors, description.'
  static override examples = [
    '<%= config.bin %> vm update web01 --memory 4G --vcpus 4',
    '<%= config.bin %> vm update web01 --rename shop01',
  ]
  static override args = { vm: nameArg('Name or UUID of the machine') }
  static override flags = {
    rename: Flags.string({ summary: 'Give it another name.', helpValue: 'NAME' }),
    memory: sizeFlag({ char: 'm', summary: 'Memory.' }),
    vcpus: Flags.integer({ summary: 'Virtual processors.', min: 1, max: 240, helpValue: 'N' }),
    cores: Flags.integer({ summary: 'Cores of each.', min: 1, max: 64, helpValue: 'N' }),
    description: Flags.string({ summary: 'Text for people.' }),
    timezone: Flags.string({ summary: 'Time zone of its clock.' }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { flags } = this
    const given: Record<keyof VmChange, VmChange[keyof VmChange]> = {
      name: flags.rename,
      memoryBytes: flags.memory,
      vcpus: flags.vcpus,
      coresPerVcpu: flags.cores,
      description: flags.description,
      timezone: flags.timezone,
    }
    const change: VmChange = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
    if (Object.keys(change).length === 0)
      throw new AcsError('usage', 'EACSUSAGE', 'say what to change', { hints: ['acs help vm update'] })
    const { findVm } = await import('../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    if (flags['dry-run']) return this.showPlan([`change ${Object.keys(change).join(', ')} of the machine "${vm.name}"`])
    await prism.updateVm(vm, change, { deadline, onTask: this.onTask })
    return this.tellVm(vm.uuid, `Changed machine ${change.name ?? vm.name}.`)
  }
}
