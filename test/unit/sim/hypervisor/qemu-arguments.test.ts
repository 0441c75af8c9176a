import { describe, expect, it } from 'vitest'
import type { Drive } from '../../../../src/lib/sim/hypervisor/drives.js'
import { qemuArguments, type MachineSpec } from '../../../../src/lib/sim/hypervisor/qemu-arguments.js'
import type { BootRecord, VmRecord } from '../../../../src/lib/sim/store/machine-records.js'

const uuid = '00000000-0000-4000-8000-000000000001'
const vm: VmRecord = {
  ...{ uuid, name: 'web', logicalTimestamp: 1, memoryMb: 512, vcpus: 2, coresPerVcpu: 3, timezone: 'UTC' },
  ...{ haPriority: 0, powerState: 'off', agentVm: false, vgaConsole: false, disks: [], nics: [], createdAtMs: 0 },
}
const files = { pid: '/m/pid', qmp: '/m/qmp', console: '/m/console.log', log: '/m/log' }

function drive(bus: Drive['bus'], index: number, more: Partial<Drive> = {}): Drive {
  const id = `${bus}${index}`
  return { uuid: id, bus, index, cdrom: false, node: { 'node-name': id }, device: { id }, ...more }
}

function argumentsOf(more: Partial<MachineSpec> = {}): string[] {
  return qemuArguments({ vm, drives: [], interfaces: [], files, accelerated: false, ...more })
}

function valuesOf(argv: readonly string[], option: string): string[] {
  return argv.flatMap((word, at) => (argv[at - 1] === option ? [word] : []))
}

/** The drives in the order in which the firmware tries them. */
function bootOrder(drives: readonly Drive[], boot?: BootRecord): unknown[] {
  const devices = valuesOf(argumentsOf({ drives, vm: { ...vm, ...(boot && { boot }) } }), '-device')
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as { id: string; bootindex?: number })
  return devices
    .filter(({ bootindex }) => bootindex !== undefined)
    .sort((a, b) => (a.bootindex ?? 0) - (b.bootindex ?? 0))
    .map(({ id }) => id)
}

describe('the command line of a machine', () => {
  it('has its processors and memory, and says which of the two ways it runs', () => {
    const argv = argumentsOf()
    expect(valuesOf(argv, '-smp')).toEqual(['6,sockets=2,cores=3,threads=1'])
    expect(valuesOf(argv, '-m')).toEqual(['512'])
    expect(valuesOf(argv, '-accel')[0]).toContain('tcg')
    expect(valuesOf(argumentsOf({ accelerated: true }), '-accel')).toEqual(['kvm'])
  })

  it('takes any name', () => {
    expect(valuesOf(argumentsOf({ vm: { ...vm, name: 'a,process=sh b' } }), '-name')).toEqual(['guest=a,,process=sh b'])
  })

  it('goes on from a saved memory, whatever its path', () => {
    const incoming = valuesOf(argumentsOf({ files: { ...files, memory: "/it's/memory" } }), '-incoming')
    expect(incoming).toEqual([`exec:cat '/it'\\''s/memory'`])
  })

  it('boots from disks before discs, by bus and place, and never from a volume group by itself', () => {
    const disc = drive('IDE', 0, { cdrom: true })
    const group = drive('SCSI', 0, { groupUuid: 'g', device: { id: 'group' } })
    expect(bootOrder([disc, group, drive('SCSI', 2), drive('SCSI', 1), drive('PCI', 0)])).toEqual([
      'SCSI1',
      'SCSI2',
      'PCI0',
      'IDE0',
    ])
  })

  it('boots from a disc first, or from the one disk only, when told to', () => {
    const drives = [drive('IDE', 0, { cdrom: true }), drive('SCSI', 0), drive('SCSI', 1)]
    const common = { uefi: false, secureBoot: false }
    expect(bootOrder(drives, { ...common, deviceType: 'CDROM' })[0]).toBe('IDE0')
    expect(bootOrder(drives, { ...common, disk: { bus: 'SCSI', index: 1 } })).toEqual(['SCSI1'])
  })

  it('plugs an interface into its tap, and without one into a network of its own', () => {
    const nic = { uuid, macAddress: '50:6b:8d:00:00:01', model: undefined, connected: true }
    const interfaces = [{ ...nic, tap: 'tap1' }, nic]
    const kinds = valuesOf(argumentsOf({ interfaces }), '-netdev').map((text) => JSON.parse(text) as object)
    expect(kinds).toMatchObject([{ type: 'tap', ifname: 'tap1' }, { type: 'user' }])
  })
})
