import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { destructiveFlags, mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand, vmsArg } from '../../lib/cli/vm-command.js'

export default class VmDelete extends VmCommand<JsonRecord[], typeof VmDelete> {
  static override summary = 'Delete machines and their disks, for good. Volumes are kept.'
  static override description =
    'A machine that runs is refused unless --force. The cluster refuses one with a volume attached: acs vm detach-volume.'
  static override examples = [
    '<%= config.bin %> vm delete web01',
    '<%= config.bin %> vm delete web01 --confirm web01',
    "<%= config.bin %> vm delete 'test*' --force --yes",
  ]
  static override args = { vm: vmsArg() }
  static override flags = {
    force: Flags.boolean({ summary: 'Also machines that run: their power is cut.' }),
    'with-snapshots': Flags.boolean({ summary: 'Their snapshots too.' }),
    ...destructiveFlags,
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('10m'),
  }

  async run(): Promise<JsonRecord[]> {
    const { findVms } = await import('../../lib/vm/find.js')
    const { allResults, workForAll } = await import('../../lib/vm/several.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vms = await findVms(context, [this.args.vm].flat())
    const running = vms.filter(({ powerState }) => powerState !== 'off')
    if (running.length > 0 && !this.flags.force)
      throw new AcsError('conflict', 'EACSPOWERSTATE', `not off: ${running.map(({ name }) => name).join(', ')}`, {
        hints: [`Shut down first: acs vm stop ${running[0]?.name ?? ''}`, 'Or cut the power and delete: --force'],
        details: { running: running.map(({ uuid, name, powerState }) => ({ uuid, name, powerState })) },
      })
    if (this.flags['dry-run'])
      return [this.showPlan(vms.map(({ name }) => `delete the machine "${name}" and its disks`))]
    const [first] = vms
    const names = vms.map(({ name }) => name).join(', ')
    const question = `This deletes ${vms.length === 1 ? 'machine' : `${vms.length} machines`} ${names}, with disks, for good.`
    if (vms.length === 1 && first) await this.prompt.typeBack(first.name, question)
    else await this.prompt.typeBack(String(vms.length), `${question} Type how many.`)
    this.progress.start(`Deleting ${names}`)
    const options = { deadline, withSnapshots: this.flags['with-snapshots'] }
    const outcomes = await workForAll(vms, async (vm) => {
      await prism.deleteVm(vm, options)
      return { name: vm.name, uuid: vm.uuid }
    })
    this.progress.done()
    const deleted = allResults(outcomes, 'be deleted')
    this.say(`Deleted ${names}.`)
    if (this.flags.output === 'name') this.print(deleted.map(({ name }) => name).join('\n'))
    return deleted
  }
}
