import { errorCode, messageOf } from '../base/errors.js'
import { allDisks, type OwnedDisk } from './all-disks.js'
import type { StorageContainers } from './containers.js'
import type { GroupRules } from './group-rules.js'
import type { Hypervisor } from './hypervisor/hypervisor.js'
import type { IscsiFace } from './iscsi-face.js'
import type { IscsiClients } from './iscsi-clients.js'
import type { SimulatorBehaviour } from './simulator.js'
import type { DiskPlan, StoredDisk } from './store/records.js'
import type { DiskFiles } from './store/disk-files.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** What jobs work with. */
export interface JobParts {
  store: Store
  rules: GroupRules
  containers: StorageContainers
  clients: IscsiClients
  disks: DiskFiles
  behaviour: SimulatorBehaviour
  iscsi: () => IscsiFace
  machines: () => Hypervisor
}

/**
 * Makes the files of planned disks where they fit, while the machines they are copied from stand still; throws what the task
 * ends with.
 *
 * @param owner whose the disks will be: those of machines may be overlays of images, where machines are booted
 */
export async function makeDisks(
  parts: JobParts,
  plans: readonly DiskPlan[],
  owner: 'vm' | 'other' = 'other',
): Promise<void> {
  const wanted = new Map<string, number>()
  for (const plan of plans) wanted.set(plan.containerUuid, (wanted.get(plan.containerUuid) ?? 0) + plan.sizeBytes)
  for (const [containerUuid, sizeBytes] of wanted)
    if (sizeBytes > parts.containers.room(containerUuid)) throw parts.rules.noSpace(containerUuid)
  const owned = findSources(parts.store, new Set(plans.flatMap((plan) => plan.sourceUuid ?? [])))
  const gone = plans.find((plan) => plan.sourceUuid !== undefined && !owned.has(plan.sourceUuid))
  if (gone) throw new WireError(500, 'The disk to clone does not exist', errorCodes.notFound)
  try {
    const isFinal = (uuid: string): boolean => {
      const source = owned.get(uuid)?.owner
      return source?.kind === 'image' && source.image.type === 'DISK_IMAGE'
    }
    const options = owner === 'vm' && parts.machines().overlays ? { overlays: { isFinal } } : {}
    const running = [...owned.values()].flatMap((source) => (source.owner.kind === 'vm' ? source.owner.vm.uuid : []))
    await parts.machines().still(running, () => parts.disks.make(plans, (uuid) => owned.get(uuid)?.disk, options))
  } catch (error) {
    throw ownDiskFull(error) ?? error
  }
}

/** When there is no room on this machine, which has nothing to do with the cluster's containers. */
export function ownDiskFull(error: unknown): WireError | undefined {
  if (!['ENOSPC', 'EFBIG'].includes(errorCode(error) ?? '')) return undefined
  return new WireError(
    500,
    `NO_SPACE: the simulator's own disk cannot hold it: ${messageOf(error)}`,
    errorCodes.noSpace,
  )
}

/** Removes disks that a change has left without a record: the files go when the record is gone for good. */
export async function forgetDisks(parts: JobParts, disks: readonly StoredDisk[]): Promise<void> {
  await parts.store.durable()
  await parts.disks.remove(disks.map((disk) => disk.uuid))
}

function findSources(store: Store, uuids: ReadonlySet<string>): Map<string, OwnedDisk> {
  const found = new Map<string, OwnedDisk>()
  if (uuids.size === 0) return found
  for (const owned of allDisks(store)) if (uuids.has(owned.disk.uuid)) found.set(owned.disk.uuid, owned)
  return found
}
