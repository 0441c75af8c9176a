import { randomUUID } from 'node:crypto'
import { allDisks } from './all-disks.js'
import type { ContainerRecord } from './store/records.js'
import type { DiskFiles } from './store/disk-files.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

export interface ContainerChange {
  name?: string
  advertisedCapacityBytes?: number | null
  replicationFactor?: number
  compressionEnabled?: boolean
  compressionDelaySecs?: number
  reservedBytes?: number
  erasureCode?: 'on' | 'off'
  fingerPrintOnWrite?: 'on' | 'off'
  onDiskDedup?: 'OFF' | 'POST_PROCESS'
}

/** Storage containers: who they are, and how full. Usage is what the disks' files really take. */
export class StorageContainers {
  constructor(
    private readonly store: Store,
    private readonly disks: () => DiskFiles,
    private readonly refusedStatus: () => number,
  ) {}

  list(): ContainerRecord[] {
    return [...this.store.containers.values()]
  }

  /** By UUID, by number or by name, as the API versions have it. */
  find(reference: string): ContainerRecord | undefined {
    const byUuid = this.store.containers.get(reference.toLowerCase())
    if (byUuid) return byUuid
    return this.list().find(
      (container) => container.name === reference || String(container.number) === reference.split('::').at(-1),
    )
  }

  require(reference: string, status: number): ContainerRecord {
    const container = this.find(reference)
    if (container) return container
    throw new WireError(status, `Storage container ${reference} does not exist`, errorCodes.notFound)
  }

  capacityBytes(container: ContainerRecord): number {
    return Math.min(container.maxCapacityBytes, container.advertisedCapacityBytes ?? Infinity)
  }

  usedBytes(uuid: string): number {
    let used = 0
    for (const { disk } of allDisks(this.store))
      if (disk.containerUuid === uuid) used += this.disks().disk(disk).allocatedBytes()
    return used
  }

  /** Bytes that still fit; negative when over-full. */
  room(uuid: string): number {
    const container = this.store.containers.get(uuid)
    return container ? this.capacityBytes(container) - this.usedBytes(uuid) : 0
  }

  create(change: ContainerChange & { name: string }): ContainerRecord {
    this.refuseName(change.name)
    const numbers = this.list().map((container) => container.number)
    const maxCapacityBytes = Math.max(...this.list().map((container) => container.maxCapacityBytes))
    this.refuseNumbers(change)
    const container: ContainerRecord = {
      ...given(change),
      uuid: randomUUID(),
      number: Math.max(...numbers) + 1,
      name: change.name,
      maxCapacityBytes,
      advertisedCapacityBytes: change.advertisedCapacityBytes ?? null,
      replicationFactor: change.replicationFactor ?? 2,
      compressionEnabled: change.compressionEnabled ?? false,
      compressionDelaySecs: change.compressionDelaySecs ?? 0,
      nutanixManaged: false,
    }
    this.store.commit({ put: { containers: [container] } })
    return container
  }

  update(container: ContainerRecord, change: ContainerChange): void {
    if (change.name !== undefined && change.name !== container.name) this.refuseName(change.name)
    this.refuseNumbers(change)
    this.store.commit({ put: { containers: [{ ...container, ...given(change) }] } })
  }

  remove(container: ContainerRecord): void {
    const inUse = [...allDisks(this.store)].some(({ disk }) => disk.containerUuid === container.uuid)
    if (inUse)
      throw new WireError(
        this.refusedStatus(),
        `Storage container ${container.name} holds virtual disks`,
        errorCodes.general,
      )
    this.store.commit({ remove: { containers: [container.uuid] } })
  }

  private refuseNumbers({ replicationFactor, advertisedCapacityBytes, reservedBytes }: ContainerChange): void {
    const refuse = (text: string): WireError => new WireError(this.refusedStatus(), text, errorCodes.badRequest)
    // Of three nodes: a third copy takes five (documented).
    if (replicationFactor !== undefined && replicationFactor !== 2)
      throw refuse(`Replication factor ${replicationFactor} is not supported by this cluster`)
    const most = Math.max(...this.list().map((container) => container.maxCapacityBytes))
    for (const bytes of [advertisedCapacityBytes, reservedBytes])
      if (bytes !== undefined && bytes !== null && (bytes < 0 || bytes > most))
        throw refuse(`Capacity ${bytes} is not between 0 and ${most}`)
  }

  private refuseName(name: string): void {
    if (!/^[\w.-]{1,75}$/.test(name))
      throw new WireError(this.refusedStatus(), `Invalid storage container name "${name}"`, errorCodes.badRequest)
    if (this.list().some((container) => container.name === name))
      throw new WireError(this.refusedStatus(), `Storage container with name ${name} already exists`, errorCodes.exists)
  }
}

function given(change: ContainerChange): ContainerChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
