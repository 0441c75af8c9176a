import { Flags } from '@oclif/core'
import { mutationFlags, nameArg, sizeFlag, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { readUserData } from '../../lib/cli/user-data.js'
import { VmCommand } from '../../lib/cli/vm-command.js'

export default class VmClone extends VmCommand<JsonRecord[], typeof VmClone> {
  static override summary = 'Clone a machine with its disks: once, or a range of names.'
  static override examples = [
    '<%= config.bin %> vm clone golden web01',
    "<%= config.bin %> vm clone golden 'web[01..10]' --cloud-init web.yaml --start",
  ]
  static override args = {
    vm: nameArg('Name or UUID of the machine to clone'),
    name: nameArg('Name of the new machine, or a range: web[01..10]'),
  }
  static override flags = {
    memory: sizeFlag({ char: 'm', summary: 'Memory.' }),
    vcpus: Flags.integer({ summary: 'Virtual processors.', min: 1, max: 240, helpValue: 'N' }),
    cores: Flags.integer({ summary: 'Cores of each.', min: 1, max: 64, helpValue: 'N' }),
    network: Flags.string({
      char: 'n',
      summary: "Instead of the source's networks: an interface on this one; repeat for more.",
      helpValue: 'NETWORK',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'cloud-init': Flags.string({
      summary: 'User data for cloud-init, checked; - for standard input.',
      helpValue: 'FILE',
    }),
    start: Flags.boolean({ summary: 'Start it, too.' }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('15m'),
  }

  async run(): Promise<JsonRecord[]> {
    const [{ expandNames }, { findVm }, { planNic }] = await Promise.all([
      import('../../lib/vm/names.js'),
      import('../../lib/vm/find.js'),
      import('../../lib/vm/create.js'),
    ])
    const { flags } = this
    const names = expandNames(this.args.name)
    const context = await this.machines()
    const { prism, deadline } = context
    const userData = await readUserData(flags['cloud-init'])
    const [source, nics] = await Promise.all([
      findVm(context, this.args.vm),
      flags.network ? Promise.all(flags.network.map((text) => planNic(context, text))) : undefined,
    ])
    if (flags['dry-run']) return [this.showPlan(names.map((name) => `clone the machine "${source.name}" as "${name}"`))]
    const spec = {
      ...(flags.memory === undefined ? {} : { memoryBytes: flags.memory }),
      ...(flags.vcpus === undefined ? {} : { vcpus: flags.vcpus }),
      ...(flags.cores === undefined ? {} : { coresPerVcpu: flags.cores }),
      ...(nics ? { nics } : {}),
      ...(userData === undefined ? {} : { userData }),
    }
    const options = { deadline, ...(names.length === 1 ? { onTask: this.onTask } : {}) }
    if (names.length > 1) this.progress.start(`Cloning ${names.length} machines`)
    const items = names.map((name) => ({ name }))
    return this.forEach(
      items,
      async ({ name }) => {
        const { uuid } = await prism.cloneVm(source.uuid, { ...spec, name }, options)
        if (flags.start) await prism.setPowerState(uuid, 'on', options)
        return prism.vm(uuid, { deadline })
      },
      { doing: 'be cloned', done: 'Cloned' },
    )
  }
}
