import { AcsError } from '../../../src/lib/base/errors.js'
import type { AttachedDisk, DeviceContent, HostMachine, Initiator, MountEntry } from '../../../src/lib/host/host.js'

/** What is on each disk of the "cluster", by target name; shared by all fake machines. */
export type Disks = Map<string, DeviceContent>

export interface FakeHost extends HostMachine {
  initiatorName: string
  attachedDisks: AttachedDisk[]
  mounted: MountEntry[]
  /** Every call that changes something, in order. */
  calls: string[]
  /** Fails the call of that name once. */
  failNext?: { call: string; error: Error; after?: () => void }
  frozen: Set<string>
}

/** A machine in memory: devices, mounts and a freezer, with the same refusals as the real one. */
export function fakeHost(name: string, disks: Disks, bootId = `boot-of-${name}`): FakeHost {
  let minor = 0
  const step = (call: string): void => {
    host.calls.push(call)
    const { failNext } = host
    if (failNext?.call === call) {
      delete host.failNext
      failNext.after?.()
      throw failNext.error
    }
  }
  const targetOf = (devicePath: string): string => {
    const disk = host.attachedDisks.find((attached) => attached.devicePath === devicePath)
    if (!disk) throw new AcsError('failed', 'EACSNODEVICE', `no device ${devicePath}`)
    return disk.targetName
  }
  const initiator: Initiator = {
    kind: 'userspace',
    missing: () => Promise.resolve([]),
    name: () => Promise.resolve(host.initiatorName),
    attach(disk) {
      step('attach')
      const there = host.attachedDisks.find((attached) => attached.targetName === disk.targetName)
      if (there) return Promise.resolve(there)
      minor += 1
      const attached: AttachedDisk = {
        devicePath: `/dev/fake${minor}`,
        deviceNumber: `7:${minor}`,
        portal: disk.portal,
        targetName: disk.targetName,
        lun: disk.lun,
        sizeBytes: disk.sizeBytes,
        initiator: 'userspace',
      }
      host.attachedDisks.push(attached)
      return Promise.resolve(attached)
    },
    detach({ targetName }) {
      step('detach')
      host.attachedDisks = host.attachedDisks.filter((attached) => attached.targetName !== targetName)
      return Promise.resolve()
    },
    attached: () => Promise.resolve([...host.attachedDisks]),
    refreshSize(disk) {
      step('refreshSize')
      return Promise.resolve(disk.sizeBytes)
    },
    sweep: () => Promise.resolve([]),
    leftovers: () => Promise.resolve([]),
    sessions: () => Promise.resolve([]),
  }
  const host: FakeHost = {
    initiatorName: `iqn.1993-08.org.debian:01:${name}`,
    attachedDisks: [],
    mounted: [],
    calls: [],
    frozen: new Set(),
    identity: () => Promise.resolve({ hostName: name, bootId }),
    initiator: () => Promise.resolve(initiator),
    deviceContent(devicePath) {
      return Promise.resolve(disks.get(targetOf(devicePath)) ?? { state: 'blank', evidence: ['all zero'] })
    },
    makeFilesystem({ devicePath, type, uuid }) {
      const target = targetOf(devicePath)
      if ((disks.get(target)?.state ?? 'blank') !== 'blank') throw new Error('mkfs on a device that is not blank')
      disks.set(target, { state: 'data', what: 'unknown data', evidence: ['half a filesystem'] })
      step('makeFilesystem')
      disks.set(target, { state: 'filesystem', type, uuid, evidence: [`blkid: TYPE=${type}`] })
      return Promise.resolve()
    },
    zeroDevice(devicePath) {
      step('zeroDevice')
      disks.delete(targetOf(devicePath))
      return Promise.resolve()
    },
    checkFilesystem() {
      step('checkFilesystem')
      return Promise.resolve([])
    },
    growFilesystem() {
      step('growFilesystem')
      return Promise.resolve()
    },
    replayJournal() {
      step('replayJournal')
      return Promise.resolve()
    },
    mount({ devicePath, mountPoint, type, readOnly, options = [] }) {
      const content = disks.get(targetOf(devicePath))
      step('mount')
      if (content?.state !== 'filesystem') throw new AcsError('failed', 'EACSMOUNT', 'wrong fs type')
      host.mounted.push({
        mountPoint,
        deviceNumber: host.attachedDisks.find((disk) => disk.devicePath === devicePath)?.deviceNumber ?? '0:0',
        source: devicePath,
        filesystem: type,
        root: '/',
        options: [readOnly ? 'ro' : 'rw', ...options],
      })
      return Promise.resolve()
    },
    unmount(mountPoint) {
      step('unmount')
      host.mounted = host.mounted.filter((mount) => mount.mountPoint !== mountPoint)
      return Promise.resolve()
    },
    mounts: () => Promise.resolve([...host.mounted]),
    mountedElsewhere: () => Promise.resolve([]),
    sync: () => Promise.resolve(),
    freeze(mountPoint) {
      step('freeze')
      host.frozen.add(mountPoint)
      return Promise.resolve()
    },
    thaw(mountPoint) {
      step('thaw')
      host.frozen.delete(mountPoint)
      return Promise.resolve()
    },
    usage: () => Promise.resolve({ sizeBytes: 0, usedBytes: 0, availableBytes: 0 }),
  }
  return host
}
