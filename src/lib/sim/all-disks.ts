import type { GroupRecord, StoredDisk } from './store/records.js'
import type { ImageRecord, VmRecord, VmSnapshotRecord } from './store/machine-records.js'
import type { Store } from './store/store.js'

export type DiskOwner =
  | { readonly kind: 'group'; readonly group: GroupRecord }
  | { readonly kind: 'vm'; readonly vm: VmRecord }
  | { readonly kind: 'image'; readonly image: ImageRecord }
  | { readonly kind: 'snapshot'; readonly snapshot: VmSnapshotRecord }

export interface OwnedDisk {
  readonly disk: StoredDisk
  readonly owner: DiskOwner
}

/**
 * Every disk of the cluster, each with a file of its own. What is not among them is swept at the next start and counts
 * in no container: whoever keeps disks in a new kind of record adds it here.
 */
export function* allDisks(store: Store): Iterable<OwnedDisk> {
  for (const group of store.groups.values())
    for (const disk of group.disks) yield { disk, owner: { kind: 'group', group } }
  for (const vm of store.vms.values())
    for (const { disk } of vm.disks) if (disk) yield { disk, owner: { kind: 'vm', vm } }
  for (const image of store.images.values()) if (image.disk) yield { disk: image.disk, owner: { kind: 'image', image } }
  for (const snapshot of store.vmSnapshots.values())
    for (const { disk } of snapshot.vm.disks) if (disk) yield { disk, owner: { kind: 'snapshot', snapshot } }
}

export function findDisk(store: Store, uuid: string): OwnedDisk | undefined {
  for (const owned of allDisks(store)) if (owned.disk.uuid === uuid) return owned
  return undefined
}
