import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { formatSize } from '../../lib/base/sizes.js'
import { mutationFlags, nameArg, sizeFlag, timeoutFlag, volumeSizeFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { readUserData } from '../../lib/cli/user-data.js'
import { VmCommand } from '../../lib/cli/vm-command.js'

export default class VmCreate extends VmCommand<JsonRecord[], typeof VmCreate> {
  static override summary = 'Create virtual machines: one, or a range of names.'
  static override description =
    'All that is named is looked up before anything is made. New machines are off unless --start.'
  static override examples = [
    '<%= config.bin %> vm create web01 --image debian-12 --network web --memory 2G --vcpus 2 --start',
    "<%= config.bin %> vm create 'web[01..10]' --image debian-12 --network web --cloud-init web.yaml --start",
    '<%= config.bin %> vm create db --image debian-12 --disk-size 40G --disk 200G --network storage=10.1.1.20',
  ]
  static override args = { name: nameArg('Name of the new machine, or a range: web[01..10]') }
  static override flags = {
    memory: sizeFlag({
      char: 'm',
      summary: 'Memory.',
      default: 2 * 1024 ** 3,
      defaultHelp: () => Promise.resolve('2G'),
    }),
    vcpus: Flags.integer({ summary: 'Virtual processors.', default: 1, min: 1, max: 240, helpValue: 'N' }),
    cores: Flags.integer({ summary: 'Cores of each.', min: 1, max: 64, helpValue: 'N' }),
    image: Flags.string({
      char: 'i',
      summary: 'Clone a disk of this image; repeat for more disks. The first is booted from.',
      helpValue: 'IMAGE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'disk-size': volumeSizeFlag({ summary: "Grow the first image's disk to this." }),
    disk: Flags.custom<number>({
      summary: 'An empty disk; repeat for more.',
      helpValue: 'SIZE',
      multiple: true,
      multipleNonGreedy: true,
      parse: async (input) => (await import('../../lib/base/sizes.js')).parseVolumeSize(input),
    })(),
    container: Flags.string({ char: 'c', summary: 'Storage container of empty disks.', env: 'ACS_CONTAINER' }),
    cdrom: Flags.string({
      summary: 'A CD-ROM drive with this ISO image; "" for an empty one.',
      helpValue: 'IMAGE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    network: Flags.string({
      char: 'n',
      summary: 'An interface on this network, with an address of its pool or this one; repeat for more.',
      helpValue: 'NETWORK[=ADDRESS]',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'cloud-init': Flags.string({
      summary: 'User data for cloud-init, checked; - for standard input.',
      helpValue: 'FILE',
    }),
    description: Flags.string({ summary: 'Text for people.' }),
    timezone: Flags.string({ summary: 'Time zone of its clock, such as UTC or Europe/Berlin.' }),
    uefi: Flags.boolean({ summary: 'Boot by UEFI.' }),
    start: Flags.boolean({ summary: 'Start it, too.' }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('15m'),
  }

  async run(): Promise<JsonRecord[]> {
    const [{ expandNames }, { planVm }] = await Promise.all([
      import('../../lib/vm/names.js'),
      import('../../lib/vm/create.js'),
    ])
    const { flags } = this
    const names = expandNames(this.args.name)
    const { network: networks = [], image: images = [] } = flags
    if (names.length > 1 && networks.some((text) => /=[\d.]+$/.test(text)))
      throw new AcsError('usage', 'EACSUSAGE', 'one address cannot be given to several machines', {
        hints: ['Leave it out: each gets one of the pool'],
      })
    const context = await this.machines()
    const spec = await planVm(context, {
      description: flags.description,
      memoryBytes: flags.memory,
      vcpus: flags.vcpus,
      coresPerVcpu: flags.cores,
      timezone: flags.timezone,
      uefi: flags.uefi || undefined,
      images,
      diskSizeBytes: flags['disk-size'],
      emptyDisks: flags.disk ?? [],
      container: flags.container ?? (await this.connection()).storageContainer,
      cdroms: flags.cdrom ?? [],
      networks,
      volumeGroupUuids: [],
      userData: await readUserData(flags['cloud-init']),
    })
    if (flags['dry-run']) {
      const size = `${flags.vcpus} vCPU, ${formatSize(flags.memory)}, ${spec.disks.length} disk(s)`
      return [this.showPlan(names.map((name) => `create the machine "${name}" (${size})`))]
    }
    const { prism, deadline } = context
    const options = { deadline, ...(names.length === 1 ? { onTask: this.onTask } : {}) }
    if (names.length > 1) this.progress.start(`Creating ${names.length} machines`)
    const items = names.map((name) => ({ name }))
    return this.forEach(
      items,
      async ({ name }) => {
        const { uuid } = await prism.createVm({ ...spec, name }, options)
        if (flags.start) await prism.setPowerState(uuid, 'on', options)
        return prism.vm(uuid, { deadline })
      },
      { doing: flags.start ? 'be created and started' : 'be created', done: 'Created' },
    )
  }
}
