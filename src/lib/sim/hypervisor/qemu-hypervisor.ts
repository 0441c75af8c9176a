import { copyFile, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { messageOf } from '../../base/errors.js'
import type { Runner } from '../../host/host.js'
import type { SimulatorLog } from '../simulator.js'
import type { DiskFiles } from '../store/disk-files.js'
import type { DriveReference, PowerTransition, VmRecord } from '../store/machine-records.js'
import type { Store } from '../store/store.js'
import { findDrive } from '../vm-disks.js'
import { isCustomization } from '../vm-plans.js'
import { errorCodes, WireError } from '../wire-error.js'
import { writeConfigDrive } from './config-drive.js'
import { drivesOf, nodeName, type DataServices, type Drive } from './drives.js'
import type { Hypervisor, Outcome } from './hypervisor.js'
import { Machine } from './machine.js'
import { machineFolder, type MachineFolder } from './machine-folder.js'
import type { MachineNetwork } from './machine-network.js'
import type { Interface, MachineSpec } from './qemu-arguments.js'

export interface QemuParts {
  store: Store
  disks: DiskFiles
  log: SimulatorLog
  run: Runner
  /** What machines have besides their disks. */
  folder: string
  network: MachineNetwork
  /** Machines of an earlier simulator may still run. */
  again: boolean
  accelerated: boolean
  /** Absent: no machine can boot by UEFI. */
  firmware?: { code: string; variables: string }
  dataServices: () => DataServices
  /** A machine has ended by itself. */
  poweredOff: (vmUuid: string) => void
}

/** Machines are QEMU processes, which outlive the simulator when it is killed, and are taken up again. */
export class QemuHypervisor implements Hypervisor {
  readonly overlays = true
  private readonly machines = new Map<string, Machine>()
  /** The last call about each machine. */
  private readonly queues = new Map<string, Promise<unknown>>()
  private resumed = false
  private closing: Promise<void> | undefined

  constructor(private readonly parts: QemuParts) {}

  power(vm: VmRecord, transition: PowerTransition): Promise<Outcome> {
    return this.inTurn(vm.uuid, () => this.change(vm, transition))
  }

  follow(vmUuid: string): Promise<void> {
    return this.inTurn(vmUuid, async () => {
      const vm = this.parts.store.vms.get(vmUuid)
      const machine = this.machines.get(vmUuid)
      if (!vm || !machine) return
      await machine.setDrives(this.drives(vm))
      await machine.setInterfaces(await this.interfaces(vm), (nic) => this.parts.network.unplugged(nic))
    })
  }

  unplug(vm: VmRecord, references: readonly DriveReference[]): Promise<void> {
    return this.inTurn(vm.uuid, async () => {
      const machine = this.machines.get(vm.uuid)
      if (!machine) return
      for (const reference of references) {
        const drive = findDrive(this.parts.store, vm, reference)
        const uuids =
          'group' in drive ? drive.group.disks.map(({ uuid }) => uuid) : [drive.disk?.uuid ?? drive.deviceUuid]
        for (const uuid of uuids) await machine.unplug(uuid)
      }
    })
  }

  grow(vm: VmRecord, diskUuid: string, sizeBytes: number): Promise<boolean> {
    return this.inTurn(vm.uuid, async () => {
      const machine = this.machines.get(vm.uuid)
      if (!machine?.hasDisk(diskUuid)) return false
      await machine.grow({ node: nodeName(diskUuid) }, sizeBytes)
      return true
    })
  }

  async still<T>(vmUuids: readonly string[], work: () => Promise<T>): Promise<T> {
    const held: Machine[] = []
    try {
      for (const uuid of new Set(vmUuids)) {
        const machine = this.machines.get(uuid)
        if (!machine || (await machine.isPaused())) continue
        // Pausing writes out what QEMU holds back, its own tables too.
        await machine.pause()
        held.push(machine)
      }
      return await work()
    } finally {
      for (const machine of held) await machine.goOn()
    }
  }

  forget(vm: VmRecord): Promise<void> {
    return this.inTurn(vm.uuid, async () => {
      await this.machines.get(vm.uuid)?.quit()
      for (const nic of vm.nics) await this.parts.network.unplugged(nic.uuid)
      await rm(this.folder(vm).path, { recursive: true, force: true })
    })
  }

  async consoleLog(vmUuid: string): Promise<string> {
    const { files } = machineFolder(this.parts.folder, vmUuid)
    return readFile(files.console, 'utf8').catch(() => '')
  }

  async resume(): Promise<void> {
    this.resumed = true
    for (const vm of this.parts.store.vms.values()) {
      if (vm.powerState !== 'on' && vm.powerState !== 'paused') continue
      await this.inTurn(vm.uuid, () => this.resumeOne(vm))
    }
  }

  close(): Promise<void> {
    this.closing ??= this.endAll()
    return this.closing
  }

  private async endAll(): Promise<void> {
    // A start that failed leaves the machines of an earlier simulator to the next one.
    if (!this.resumed && this.parts.again) return
    await Promise.allSettled(this.queues.values())
    await Promise.all([...this.machines.values()].map((machine) => machine.quit()))
    await this.parts.network.close()
  }

  private async resumeOne(vm: VmRecord): Promise<void> {
    const folder = this.folder(vm)
    try {
      const interfaces = await this.interfaces(vm)
      const found = await Machine.adopt(folder, this.drives(vm), interfaces)
      if (found) this.watch(vm.uuid, found)
      else if (vm.powerState === 'on') await this.start(vm)
      else throw new WireError(500, 'its memory went with the power', errorCodes.general)
    } catch (error) {
      this.parts.log.warn({ vm: vm.name, error: messageOf(error) }, 'a machine that was on is off')
      this.parts.poweredOff(vm.uuid)
    }
  }

  private async change(vm: VmRecord, transition: PowerTransition): Promise<Outcome> {
    const machine = this.machines.get(vm.uuid)
    const folder = this.folder(vm)
    switch (transition) {
      case 'ON':
        if (!machine) await this.start(vm)
        return 'done'
      case 'OFF':
        await machine?.quit()
        await rm(folder.memory, { force: true })
        return 'done'
      case 'POWERCYCLE':
        await machine?.quit()
        await this.start(vm)
        return 'done'
      case 'RESET':
        await machine?.reset()
        return 'done'
      case 'PAUSE':
        await machine?.pause()
        return 'done'
      case 'SUSPEND':
      case 'SAVE':
        await machine?.pause()
        await machine?.save(folder.memory)
        return 'done'
      case 'RESUME':
        if (machine) await machine.goOn()
        else await this.restore(vm, folder)
        return 'done'
      case 'ACPI_SHUTDOWN':
      case 'ACPI_REBOOT':
        if (!machine) return 'done'
        machine.rebooting = transition === 'ACPI_REBOOT'
        await machine.pressPowerButton()
        return 'guest decides'
    }
  }

  private async start(vm: VmRecord, memory?: string): Promise<Machine> {
    const folder = this.folder(vm)
    await this.writeCustomization(vm)
    const spec: MachineSpec = {
      vm,
      drives: this.drives(vm),
      interfaces: await this.interfaces(vm),
      files: { ...folder.files, ...(memory !== undefined && { memory }) },
      accelerated: this.parts.accelerated,
      ...(vm.boot?.uefi === true && { firmware: await this.firmware(vm, folder) }),
    }
    const machine = await Machine.start(this.parts.run, this.parts.network.enter, spec, folder)
    this.watch(vm.uuid, machine)
    this.parts.log.info({ vm: vm.name, accelerated: spec.accelerated }, 'machine started')
    return machine
  }

  /** A resumed machine that cannot go on from its memory boots. */
  private async restore(vm: VmRecord, folder: MachineFolder): Promise<void> {
    if (!existsSync(folder.memory)) {
      await this.start(vm)
      return
    }
    const machine = await this.start(vm, folder.memory)
    await machine.restored()
    await machine.goOn()
    await rm(folder.memory, { force: true })
  }

  private watch(vmUuid: string, machine: Machine): void {
    this.machines.set(vmUuid, machine)
    void machine.ended.then(() => {
      if (this.machines.get(vmUuid) === machine) this.machines.delete(vmUuid)
      if (!machine.ending) void this.inTurn(vmUuid, () => this.endedByItself(vmUuid, machine.rebooting))
    })
  }

  private async endedByItself(vmUuid: string, again: boolean): Promise<void> {
    const vm = this.parts.store.vms.get(vmUuid)
    if (!vm || this.machines.has(vmUuid)) return
    try {
      if (!again) throw new Error('its process has ended')
      await this.start(vm)
    } catch (error) {
      this.parts.log.info({ vm: vm.name, why: messageOf(error) }, 'machine is off')
      this.parts.poweredOff(vmUuid)
    }
  }

  private async writeCustomization(vm: VmRecord): Promise<void> {
    const drive = vm.disks.find(({ source }) => isCustomization(source))
    if (!vm.customization || !drive?.disk) return
    const { path } = this.parts.disks.image(drive.disk.uuid)
    await writeConfigDrive(this.parts.run, vm, path, this.parts.folder)
  }

  private async firmware(vm: VmRecord, folder: MachineFolder): Promise<{ code: string; variables: string }> {
    const { firmware } = this.parts
    if (!firmware) throw new WireError(500, `VM ${vm.name} boots by UEFI, which needs OVMF here`, errorCodes.general)
    if (!existsSync(folder.variables)) await copyFile(firmware.variables, folder.variables)
    return { code: firmware.code, variables: folder.variables }
  }

  private drives(vm: VmRecord): Drive[] {
    const { store, disks, dataServices } = this.parts
    return drivesOf(store, vm, { image: (uuid) => disks.image(uuid), dataServices })
  }

  private interfaces(vm: VmRecord): Promise<Interface[]> {
    return Promise.all(vm.nics.map((nic) => this.parts.network.plug(nic)))
  }

  private folder({ uuid }: VmRecord): MachineFolder {
    return machineFolder(this.parts.folder, uuid)
  }

  private inTurn<T>(vmUuid: string, work: () => Promise<T>): Promise<T> {
    const done = (this.queues.get(vmUuid) ?? Promise.resolve()).then(work)
    const settled = done
      .catch(() => undefined)
      .finally(() => {
        if (this.queues.get(vmUuid) === settled) this.queues.delete(vmUuid)
      })
    this.queues.set(vmUuid, settled)
    return done
  }
}
