import { Flags } from '@oclif/core'
import { AcsError } from '../../../lib/base/errors.js'
import { mutationFlags, nameArg, timeoutFlag, volumeSizeFlag } from '../../../lib/cli/flags.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { VmCommand } from '../../../lib/cli/vm-command.js'

export default class VmDiskAdd extends VmCommand<JsonRecord, typeof VmDiskAdd> {
  static override summary = 'Give a machine one more disk: empty, of an image, or a CD-ROM.'
  static override examples = [
    '<%= config.bin %> vm disk add db --size 100G',
    '<%= config.bin %> vm disk add db --image tools --bus sata',
    '<%= config.bin %> vm disk add web01 --cdrom debian-iso',
  ]
  static override args = { vm: nameArg('Name or UUID of the machine') }
  static override flags = {
    size: volumeSizeFlag({ char: 's' }),
    image: Flags.string({
      char: 'i',
      summary: 'Clone the disk of this image.',
      helpValue: 'IMAGE',
      exclusive: ['size', 'cdrom'],
    }),
    cdrom: Flags.string({
      summary: 'A CD-ROM drive with this ISO image; "" for an empty one.',
      helpValue: 'IMAGE',
      exclusive: ['size'],
    }),
    container: Flags.string({ char: 'c', summary: 'Storage container of an empty disk.', env: 'ACS_CONTAINER' }),
    bus: Flags.option({
      summary: 'Bus; scsi for disks and ide for CD-ROMs unless named.',
      options: ['scsi', 'ide', 'pci', 'sata'] as const,
    })(),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { flags } = this
    const { planVm } = await import('../../../lib/vm/create.js')
    const { disks } = await planVm(context, {
      memoryBytes: 0,
      vcpus: 0,
      images: flags.image === undefined ? [] : [flags.image],
      emptyDisks: flags.size === undefined ? [] : [flags.size],
      container: flags.container ?? (await this.connection()).storageContainer,
      cdroms: flags.cdrom === undefined ? [] : [flags.cdrom],
      networks: [],
      volumeGroupUuids: [],
    })
    const [disk] = disks
    if (!disk)
      throw new AcsError('usage', 'EACSUSAGE', 'a new disk needs --size, --image or --cdrom', {
        hints: [`acs vm disk add ${vm.name} --size 20G`],
      })
    if (flags['dry-run']) return this.showPlan([`add a disk to the machine "${vm.name}"`])
    const spec = { ...disk, ...(flags.bus === undefined ? {} : { bus: flags.bus }) }
    await prism.addVmDisk(vm.uuid, spec, { deadline, onTask: this.onTask })
    return this.tellVm(vm.uuid, `Added a disk to machine ${vm.name}.`)
  }
}
