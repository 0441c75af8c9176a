import type { BootRecord, VmRecord } from '../store/machine-records.js'
import type { Drive } from './drives.js'

export interface MachineFiles {
  pid: string
  qmp: string
  console: string
  log: string
  /** A saved machine's memory, to go on from. */
  memory?: string
}

/** An interface as QEMU takes it. */
export interface Interface {
  readonly uuid: string
  readonly macAddress: string
  readonly model: string | undefined
  readonly connected: boolean
  /** Device of the bridge's side; absent: QEMU's own user-mode network. */
  readonly tap?: string
}

export interface MachineSpec {
  readonly vm: VmRecord
  readonly drives: readonly Drive[]
  readonly interfaces: readonly Interface[]
  readonly files: MachineFiles
  /** KVM where this machine has it. */
  readonly accelerated: boolean
  /** OVMF's code, and the machine's own copy of its variables. */
  readonly firmware?: { code: string; variables: string }
}

export const scsiController = { driver: 'virtio-scsi-pci', id: 'scsi' } as const

/** The command line of one machine; QEMU goes into the background once the machine runs. */
export function qemuArguments(spec: MachineSpec): string[] {
  const { vm, drives, interfaces, files, accelerated, firmware } = spec
  const argv = [
    ...['-name', `guest=${vm.name.replaceAll(',', ',,')}`, '-uuid', vm.uuid],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc'],
    // Emulation does what every machine of the last fifteen years can, and little that is slow to emulate.
    ...(accelerated ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem']),
    ...['-m', String(vm.memoryMb)],
    ...['-smp', `${vm.vcpus * vm.coresPerVcpu},sockets=${vm.vcpus},cores=${vm.coresPerVcpu},threads=1`],
    ...['-rtc', 'base=utc', '-device', 'virtio-rng-pci'],
    // Assumed: what AHV calls itself.
    ...['-smbios', `type=1,manufacturer=Nutanix,product=AHV,uuid=${vm.uuid}`],
    ...['-chardev', `file,id=console,path=${files.console},append=on`, '-serial', 'chardev:console'],
    ...['-qmp', `unix:${files.qmp},server=on,wait=off`, '-pidfile', files.pid, '-D', files.log, '-daemonize'],
    ...(vm.vgaConsole ? ['-vga', 'std'] : []),
    ...['-device', JSON.stringify(scsiController)],
  ]
  if (drives.some(({ bus }) => bus === 'SATA')) argv.push('-device', 'ahci,id=sata')
  if (firmware) {
    argv.push('-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${firmware.code}`)
    argv.push('-drive', `if=pflash,format=raw,unit=1,file=${firmware.variables}`)
  }
  for (const drive of drives) {
    if (drive.node) argv.push('-blockdev', JSON.stringify(drive.node))
    const bootindex = bootIndex(vm.boot, drive)
    argv.push('-device', JSON.stringify({ ...drive.device, ...(bootindex !== undefined && { bootindex }) }))
  }
  for (const nic of interfaces) {
    argv.push('-netdev', JSON.stringify(netdevOf(nic)))
    argv.push('-device', JSON.stringify(nicDeviceOf(nic)))
  }
  if (files.memory !== undefined) argv.push('-incoming', `exec:cat ${quoted(files.memory)}`)
  return argv
}

export function netdevId(uuid: string): string {
  return `net-${uuid.slice(0, 18)}`
}

export function netdevOf({ uuid, tap }: Interface): Record<string, unknown> {
  if (tap === undefined) return { type: 'user', id: netdevId(uuid) }
  return { type: 'tap', id: netdevId(uuid), ifname: tap, script: 'no', downscript: 'no' }
}

/** Specified models: VIRTIO, and others for guests without its driver. */
export function nicDeviceOf({ uuid, macAddress, model = 'virtio' }: Interface): Record<string, unknown> {
  const drivers = new Map([
    ['virtio', 'virtio-net-pci'],
    ['e1000', 'e1000'],
    ['rtl8139', 'rtl8139'],
    ['pcnet', 'pcnet'],
    ['ne2k_pci', 'ne2k_pci'],
  ])
  const driver = drivers.get(model.toLowerCase()) ?? 'virtio-net-pci'
  return { driver, id: `nic-${uuid.slice(0, 18)}`, netdev: netdevId(uuid), mac: macAddress }
}

/** The drive the machine is told to boot from comes first; without word all disks, then all discs, by place. */
function bootIndex(boot: BootRecord | undefined, { bus, index, cdrom, groupUuid, node }: Drive): number | undefined {
  if (groupUuid !== undefined && boot?.disk?.index !== index) return undefined
  if (boot?.disk) return boot.disk.bus === bus && boot.disk.index === index ? 0 : undefined
  if (!node) return undefined
  const first = boot?.deviceType === 'CDROM' || boot?.deviceOrder?.[0] === 'CDROM'
  const isLate = cdrom !== first
  const busOrder = ['SCSI', 'PCI', 'NVME', 'SATA', 'IDE', 'SPAPR'].indexOf(bus)
  return (isLate ? 10_000 : 1) + busOrder * 1000 + index
}

/** For the shell QEMU runs `exec:` with. */
export function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}
