import { mkdir, readFile, rm } from 'node:fs/promises'
import { deadlineIn } from '../../base/deadline.js'
import { errorCode, messageOf } from '../../base/errors.js'
import type { Runner } from '../../host/host.js'
import { identityOf, isAlive, type ProcessIdentity } from '../process-identity.js'
import { errorCodes, WireError } from '../wire-error.js'
import type { Drive } from './drives.js'
import {
  netdevId,
  netdevOf,
  nicDeviceOf,
  qemuArguments,
  quoted,
  type Interface,
  type MachineSpec,
} from './qemu-arguments.js'
import { Qmp, type QmpEvent } from './qmp.js'
import type { MachineFolder } from './machine-folder.js'

const startWithinMs = 60_000
/** A guest that does not answer keeps a device it is asked to give back. */
const unplugWithinMs = 30_000
const saveWithinMs = 600_000
/** A process that was told to end, or has said goodbye. */
const goneWithinMs = 5000

/** A machine that runs: the QEMU process, spoken to by its machine protocol. */
export class Machine {
  /** Ended because the cluster said so: nobody need be told. */
  ending = false
  /** When the guest has powered itself off, it starts again. */
  rebooting = false
  private readonly leaving = new Map<string, () => void>()
  private qmp!: Qmp
  private identity!: ProcessIdentity

  private constructor(
    private readonly folder: MachineFolder,
    private readonly plugged: Map<string, Drive>,
    private readonly nics: Map<string, Interface>,
  ) {}

  /** Starts the process; on return the machine runs, or goes on from the memory it is given. */
  static async start(
    run: Runner,
    enter: readonly string[],
    spec: MachineSpec,
    folder: MachineFolder,
  ): Promise<Machine> {
    await mkdir(folder.path, { recursive: true, mode: 0o700 })
    await endLeftover(folder)
    for (const path of [folder.files.qmp, folder.files.log]) await rm(path, { force: true })
    const [command = '', ...argv] = [...enter, 'qemu-system-x86_64', ...qemuArguments(spec)]
    try {
      await run.run(command, argv, { deadline: deadlineIn(startWithinMs), timeoutMs: startWithinMs })
    } catch (error) {
      // Once it has a log, its words are there.
      const words = (await readFile(folder.files.log, 'utf8').catch(() => '')).trim()
      const why = words === '' ? messageOf(error) : words.slice(-500)
      throw new WireError(500, `InternalException: QEMU cannot start: ${why}`, errorCodes.general)
    }
    return Machine.connect(folder, spec.drives, spec.interfaces)
  }

  /** One that an earlier simulator has started; undefined where none answers. */
  static async adopt(
    folder: MachineFolder,
    drives: readonly Drive[],
    interfaces: readonly Interface[],
  ): Promise<Machine | undefined> {
    return Machine.connect(folder, drives, interfaces).catch(() => undefined)
  }

  private static async connect(
    folder: MachineFolder,
    drives: readonly Drive[],
    interfaces: readonly Interface[],
  ): Promise<Machine> {
    const machine = new Machine(
      folder,
      new Map(drives.map((drive) => [drive.uuid, drive])),
      new Map(interfaces.map((nic) => [nic.uuid, nic])),
    )
    machine.qmp = await Qmp.open(folder.files.qmp, (event) => machine.hear(event))
    machine.identity = await identityOf(Number(await readFile(folder.files.pid, 'utf8')))
    for (const nic of interfaces) if (!nic.connected) await machine.setLink(nic)
    return machine
  }

  /** Resolves when the process has ended, whoever ended it. */
  get ended(): Promise<void> {
    return this.qmp.ended.then(() => this.gone())
  }

  /** It says goodbye before it lets go of its disks. */
  private async gone(): Promise<void> {
    const deadline = deadlineIn(goneWithinMs)
    while (await isAlive(this.identity)) {
      if (deadline.remainingMs() <= 0) endNow(this.identity.pid)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  reset(): Promise<unknown> {
    return this.qmp.run('system_reset')
  }

  pressPowerButton(): Promise<unknown> {
    return this.qmp.run('system_powerdown')
  }

  pause(): Promise<unknown> {
    return this.qmp.run('stop')
  }

  goOn(): Promise<unknown> {
    return this.qmp.run('cont')
  }

  async isPaused(): Promise<boolean> {
    const status = (await this.qmp.run('query-status')) as { running: boolean }
    return !status.running
  }

  /** As when the plug is pulled. */
  async quit(): Promise<void> {
    this.ending = true
    const late = setTimeout(() => this.qmp.close(), goneWithinMs)
    await this.qmp.run('quit').catch(() => undefined)
    await this.ended
    clearTimeout(late)
  }

  /** Writes the memory of the paused machine to a file, and ends it. */
  async save(path: string): Promise<void> {
    await this.qmp.run('migrate', { uri: `exec:cat > ${quoted(path)}` })
    const deadline = deadlineIn(saveWithinMs)
    for (;;) {
      const { status } = (await this.qmp.run('query-migrate')) as { status?: string }
      if (status === 'completed') break
      if (status === 'failed' || status === 'cancelled')
        throw new WireError(500, `InternalException: the memory could not be saved: ${status}`, errorCodes.general)
      await deadline.sleep(100, 'saving the memory of a machine')
    }
    await this.quit()
  }

  /** Waits until the memory it goes on from is read. */
  async restored(): Promise<void> {
    const deadline = deadlineIn(saveWithinMs)
    for (;;) {
      const { status } = (await this.qmp.run('query-status')) as { status: string }
      if (status !== 'inmigrate') return
      await deadline.sleep(100, 'reading the memory of a machine')
    }
  }

  hasDisk(uuid: string): boolean {
    return this.plugged.has(uuid)
  }

  async grow(drive: { node: string }, sizeBytes: number): Promise<void> {
    await this.qmp.run('block_resize', { 'node-name': drive.node, size: sizeBytes })
  }

  /** Makes the hot-pluggable drives those given; discs are changed in their drives. */
  async setDrives(drives: readonly Drive[]): Promise<void> {
    const wanted = new Map(drives.map((drive) => [drive.uuid, drive]))
    for (const drive of [...this.plugged.values()]) if (!wanted.has(drive.uuid)) await this.unplug(drive.uuid)
    for (const drive of drives) if (!this.plugged.has(drive.uuid)) await this.plug(drive)
  }

  async unplug(uuid: string): Promise<void> {
    const drive = this.plugged.get(uuid)
    if (!drive) return
    if (drive.bus === 'SCSI') await this.removeDevice(String(drive.device.id))
    else if (drive.cdrom && drive.node) await this.qmp.run('eject', { id: drive.device.id, force: true })
    if (drive.node && drive.bus === 'SCSI') await this.qmp.run('blockdev-del', { 'node-name': drive.node['node-name'] })
    this.plugged.delete(uuid)
  }

  async setInterfaces(interfaces: readonly Interface[], unplugged: (uuid: string) => Promise<void>): Promise<void> {
    const wanted = new Map(interfaces.map((nic) => [nic.uuid, nic]))
    for (const uuid of [...this.nics.keys()]) {
      if (wanted.has(uuid)) continue
      await this.removeDevice(`nic-${uuid.slice(0, 18)}`)
      await this.qmp.run('netdev_del', { id: netdevId(uuid) })
      this.nics.delete(uuid)
      await unplugged(uuid)
    }
    for (const nic of interfaces) {
      if (!this.nics.has(nic.uuid)) {
        await this.qmp.run('netdev_add', netdevOf(nic))
        await this.qmp.run('device_add', nicDeviceOf(nic))
        if (!nic.connected) await this.setLink(nic)
      } else if (this.nics.get(nic.uuid)?.connected !== nic.connected) await this.setLink(nic)
      this.nics.set(nic.uuid, nic)
    }
  }

  private async plug(drive: Drive): Promise<void> {
    if (drive.bus === 'SCSI') {
      if (drive.node) await this.qmp.run('blockdev-add', drive.node)
      try {
        await this.qmp.run('device_add', drive.device)
      } catch (error) {
        if (drive.node) await this.qmp.run('blockdev-del', { 'node-name': drive.node['node-name'] })
        throw error
      }
    } else if (drive.cdrom && drive.node) {
      const present = [...this.plugged.values()].find((other) => other.bus === drive.bus && other.index === drive.index)
      const id = present?.device.id ?? drive.device.id
      await this.qmp.run('blockdev-open-tray', { id, force: true })
      await this.qmp.run('blockdev-remove-medium', { id })
      await this.qmp.run('blockdev-add', drive.node)
      await this.qmp.run('blockdev-insert-medium', { id, 'node-name': drive.node['node-name'] })
      await this.qmp.run('blockdev-close-tray', { id })
    }
    this.plugged.set(drive.uuid, drive)
  }

  private async removeDevice(id: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const isGone = new Promise<boolean>((resolve) => {
      this.leaving.set(id, () => resolve(true))
      timer = setTimeout(() => resolve(false), unplugWithinMs)
    })
    try {
      await this.qmp.run('device_del', { id })
      if (await isGone) return
    } finally {
      clearTimeout(timer)
      this.leaving.delete(id)
    }
    throw new WireError(500, `The guest does not give the device ${id} back`, errorCodes.general)
  }

  private async setLink({ uuid, connected }: Interface): Promise<void> {
    await this.qmp.run('set_link', { name: netdevId(uuid), up: connected })
  }

  private hear({ event, data }: QmpEvent): void {
    if (event === 'DEVICE_DELETED' && typeof data?.device === 'string') this.leaving.get(data.device)?.()
  }
}

/** A process of an earlier start that does not answer any more would keep the disks from the next one. */
async function endLeftover({ files }: MachineFolder): Promise<void> {
  const pid = Number(await readFile(files.pid, 'utf8').catch(() => ''))
  if (!(pid > 0)) return
  const identity = await identityOf(pid)
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (!words.includes(files.qmp)) return
  endNow(pid)
  const deadline = deadlineIn(goneWithinMs)
  while (await isAlive(identity)) await deadline.sleep(10, 'ending a machine that does not answer')
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
