import { AcsError } from '../../../src/lib/base/errors.js'
import type { Prism, PrismMachines, VolumeGroup, VolumeGroupSpec } from '../../../src/lib/prism/prism.js'

export const clusterUuid = '0006411c-0286-bc71-9f02-0123456789ab'
export const containerUuid = 'c78fea63-0000-4000-8000-000000000001'

export interface FakePrism extends Prism {
  groups: Map<string, VolumeGroup>
  /** Waits before every answer, for interleavings. */
  pause: () => Promise<void>
  /** Called with the allowed initiators after every change of them. */
  onAccess?: (uuid: string, initiators: string[]) => void
  put(group: Partial<VolumeGroup> & { uuid: string; name: string }): VolumeGroup
}

/** A cluster in memory with a real compare-and-swap, unique UUIDs and clones that copy the description. */
export function fakePrism(): FakePrism {
  const groups = new Map<string, VolumeGroup>()
  let disks = 0
  const get = (uuid: string): VolumeGroup => {
    const group = groups.get(uuid)
    if (!group) throw new AcsError('not-found', 'EACSNOTFOUND', `there is no volume group ${uuid}`)
    return structuredClone(group)
  }
  const set = (group: VolumeGroup): VolumeGroup => {
    groups.set(group.uuid, structuredClone({ ...group, logicalTimestamp: group.logicalTimestamp + 1 }))
    const initiators = group.attachments.flatMap((attachment) => attachment.initiatorName ?? [])
    fake.onAccess?.(group.uuid, initiators)
    return get(group.uuid)
  }
  const diskUuid = (): string => `d15c0000-0000-4000-8000-${(disks += 1).toString().padStart(12, '0')}`
  const unsupported = (): never => {
    throw new Error('the fake does not do this')
  }
  // Nobody who works with volumes asks for machines.
  const fake: Omit<FakePrism, keyof PrismMachines> = {
    groups,
    apiVersion: 'v2.0',
    pause: () => Promise.resolve(),
    put: (given) =>
      set({
        description: '',
        logicalTimestamp: 0,
        disks: [{ index: 0, uuid: diskUuid(), sizeBytes: 2 ** 30, storageContainerUuid: containerUuid }],
        iscsiTarget: `${given.name}-${given.uuid}`,
        attachments: [],
        flashMode: false,
        chap: false,
        shared: false,
        ...given,
      }),
    async cluster() {
      await fake.pause()
      return { uuid: clusterUuid, name: 'fake', version: '6.5', nodeCount: 3, dataServicesAddress: '10.0.0.5' }
    },
    hosts: () => Promise.resolve([]),
    createStorageContainer: unsupported,
    updateStorageContainer: unsupported,
    deleteStorageContainer: unsupported,
    async storageContainers() {
      await fake.pause()
      return [{ uuid: containerUuid, name: 'default', maxCapacityBytes: 2 ** 40, internal: false }]
    },
    async volumeGroups() {
      await fake.pause()
      return [...groups.keys()].map(get)
    },
    async volumeGroup(uuid) {
      await fake.pause()
      return get(uuid)
    },
    async createVolumeGroup(spec: VolumeGroupSpec) {
      await fake.pause()
      const uuid = spec.uuid ?? unsupported()
      // As the real client does it: a complete group of that UUID and name counts as an earlier try.
      const there = groups.get(uuid)
      if (there?.name === spec.name) return { uuid }
      if (there) throw new AcsError('failed', 'EACSTASKFAILED', 'uuid already exists')
      fake.put({
        uuid,
        name: spec.name,
        ...(spec.description === undefined ? {} : { description: spec.description }),
        disks: spec.disks.map((disk, index) => ({
          index,
          uuid: diskUuid(),
          sizeBytes: 'sizeBytes' in disk ? disk.sizeBytes : 0,
          storageContainerUuid: containerUuid,
        })),
        chap: spec.chapSecret !== undefined,
        flashMode: spec.flashMode ?? false,
      })
      await fake.pause()
      return { uuid }
    },
    async updateVolumeGroup(expected, change) {
      await fake.pause()
      const now = get(expected.uuid)
      if (now.logicalTimestamp !== expected.logicalTimestamp)
        throw new AcsError('conflict', 'EACSSTALE', 'changed by someone else')
      const { allowedInitiators, chapSecret, ...rest } = change
      const after = set({
        ...now,
        ...rest,
        ...(chapSecret === undefined ? {} : { chap: chapSecret !== null }),
        ...(allowedInitiators
          ? {
              attachments: [
                ...allowedInitiators.map(({ clientAddress }) => ({ initiatorName: clientAddress })),
                ...now.attachments.filter((attachment) => attachment.vmUuid !== undefined),
              ],
            }
          : {}),
      })
      await fake.pause()
      return after
    },
    async deleteVolumeGroup(group) {
      await fake.pause()
      const now = get(group.uuid)
      if (now.logicalTimestamp !== group.logicalTimestamp) throw new AcsError('conflict', 'EACSSTALE', 'changed')
      groups.delete(group.uuid)
      return {}
    },
    async cloneVolumeGroup(uuid, { name, uuid: wanted }) {
      await fake.pause()
      const source = get(uuid)
      const made = wanted ?? unsupported()
      if (groups.has(made)) return { uuid: made }
      fake.put({
        uuid: made,
        name,
        description: source.description,
        disks: source.disks.map((disk) => ({ ...disk, uuid: diskUuid() })),
      })
      await fake.pause()
      return { uuid: made }
    },
    addDisk: unsupported,
    async resizeDisk(uuid, index, sizeBytes) {
      await fake.pause()
      const group = get(uuid)
      set({ ...group, disks: group.disks.map((disk) => (disk.index === index ? { ...disk, sizeBytes } : disk)) })
      return {}
    },
    removeDisk: unsupported,
    async allowInitiator(uuid, { clientAddress }) {
      await fake.pause()
      const group = get(uuid)
      if (group.attachments.some((attachment) => attachment.initiatorName === clientAddress)) return
      set({ ...group, attachments: [...group.attachments, { initiatorName: clientAddress }] })
    },
    async revokeInitiator(uuid, clientAddress) {
      await fake.pause()
      const group = get(uuid)
      set({ ...group, attachments: group.attachments.filter((other) => other.initiatorName !== clientAddress) })
    },
    attachToVm: unsupported,
    detachFromVm: unsupported,
    iscsiClients: () => Promise.resolve([]),
    task: unsupported,
    tasks: () => Promise.resolve([]),
    waitForTask: unsupported,
    cancelTask: unsupported,
    close: () => Promise.resolve(),
  }
  return fake as FakePrism
}
