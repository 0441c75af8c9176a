import { randomUUID } from 'node:crypto'
import { findDisk } from './all-disks.js'
import type { StorageContainers } from './containers.js'
import type { GroupRules } from './group-rules.js'
import type { SimulatorBehaviour } from './simulator.js'
import type { DiskPlan, StoredDisk } from './store/records.js'
import type { Store } from './store/store.js'
import { errorCodes } from './wire-error.js'

export interface DiskRequest {
  index?: number
  flashMode?: boolean
  create?: { sizeBytes: number; container: string }
  clone?: {
    diskUuid?: string
    groupUuid?: string
    deviceIndex?: number
    path?: string
    minimumSizeBytes?: number
    container?: string
  }
}

/** Turns requests for disks into what a task is to make. */
export class DiskPlans {
  constructor(
    private readonly store: Store,
    private readonly containers: StorageContainers,
    private readonly rules: GroupRules,
    private readonly behaviour: SimulatorBehaviour,
  ) {}

  plan(request: DiskRequest): DiskPlan {
    const common = {
      uuid: randomUUID(),
      ...(request.index !== undefined && { index: request.index }),
      ...(request.flashMode !== undefined && { flashMode: request.flashMode }),
    }
    if (request.clone) {
      const source = this.findSource(request.clone)
      const container = request.clone.container ?? source.containerUuid
      return {
        ...common,
        sourceUuid: source.uuid,
        sizeBytes: Math.max(source.sizeBytes, request.clone.minimumSizeBytes ?? 0),
        containerUuid: this.containers.require(container, this.behaviour.refusedStatus).uuid,
      }
    }
    if (!request.create)
      throw this.rules.refuse('A disk needs either a create or a clone specification', errorCodes.badRequest)
    const { sizeBytes, container } = request.create
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
      throw this.rules.refuse(`Invalid disk size ${sizeBytes}`, errorCodes.badRequest)
    // 512-byte blocks on the wire; Prism counts whole MiB besides.
    const whole = Math.ceil(sizeBytes / 512) * 512
    return {
      ...common,
      sizeBytes: whole,
      containerUuid: this.containers.require(container, this.behaviour.refusedStatus).uuid,
    }
  }

  private findSource(clone: NonNullable<DiskRequest['clone']>): StoredDisk {
    const groupUuid = clone.groupUuid?.toLowerCase()
    const uuid = clone.diskUuid?.toLowerCase() ?? clone.path?.split('/').at(-1) ?? ''
    const found =
      groupUuid === undefined
        ? findDisk(this.store, uuid)?.disk
        : this.store.groups.get(groupUuid)?.disks.find((disk) => disk.index === (clone.deviceIndex ?? 0))
    if (found) return found
    throw this.rules.refuse('The disk to clone does not exist', errorCodes.notFound)
  }
}
