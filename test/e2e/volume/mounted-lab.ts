import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { HostMachine } from '../../../src/lib/host/host.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'
import type { SimulatorOptions } from '../../../src/lib/sim/simulator.js'
import { startVolumeLab, type VolumeLab } from '../../integration/volume/lab.js'
import { requirement } from '../../requirements.js'
import { leftoversOf } from '../leftovers.js'

/** What mounting over the userspace initiator needs. */
export function canMount(suite: string, tools: readonly string[] = []): boolean {
  return requirement(suite, [
    'root',
    'fuse',
    'loop',
    { tool: 'qemu-storage-daemon' },
    ...['mkfs.ext4', ...tools].map((tool) => ({ tool })),
  ])
}

export interface MountedLab extends VolumeLab {
  host: HostMachine
  /** A free folder to mount at. */
  place: (name: string) => string
  /** What of this lab is still on the machine: mounts, disks, files of the runtime and state folders, sessions. Empty when clean. */
  leftovers: () => Promise<string[]>
  /** Unmounts and detaches whatever a failed test left. */
  clean: () => Promise<void>
}

/** A simulated cluster, and this machine attaching to it with the userspace initiator. */
export async function startMountedLab(options: Partial<SimulatorOptions> = {}): Promise<MountedLab> {
  const lab = await startVolumeLab(options)
  lab.env.ACS_INITIATOR = 'userspace'
  const stateFolder = join(lab.folder, 'state')
  const runtimeFolder = join(lab.folder, 'run')
  const host = createHostMachine({ stateFolder, runtimeFolder })
  const soon = () => deadlineIn(60_000)
  const disksHere = async () => (await host.initiator('userspace', soon())).attached(soon())
  const clean = async (): Promise<void> => {
    const initiator = await host.initiator('userspace', soon())
    const disks = await disksHere()
    for (const mount of (await host.mounts()).reverse())
      if (disks.some((disk) => disk.deviceNumber === mount.deviceNumber)) await host.unmount(mount.mountPoint, soon())
    for (const disk of disks) await initiator.detach({ ...disk, portal: lab.env.ACS_DATA_SERVICES ?? '' }, soon())
    await initiator.sweep(soon())
  }
  return {
    ...lab,
    host,
    place: (name) => join(lab.folder, 'mnt', name),
    clean,
    async leftovers() {
      return [
        ...(await leftoversOf({ host, stateFolder, runtimeFolder, mountFolder: lab.folder })),
        ...(lab.simulator.state().iscsiSessions > 0 ? ['an iSCSI session'] : []),
      ]
    },
    async close() {
      await clean()
      await lab.close()
    },
  }
}

export async function checksum(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
