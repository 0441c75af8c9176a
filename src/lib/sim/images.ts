import { randomUUID } from 'node:crypto'
import type { StorageContainers } from './containers.js'
import type { DiskPlans, DiskRequest } from './disk-plans.js'
import type { SimulatorBehaviour } from './simulator.js'
import type { Checksum, ImageRecord, ImageType } from './store/machine-records.js'
import type { TaskEntity, TaskRecord } from './store/records.js'
import type { Store } from './store/store.js'
import { nowUsecs, type Tasks } from './tasks.js'
import { errorCodes, WireError } from './wire-error.js'

export interface ImageRequest {
  uuid?: string
  name?: string
  annotation?: string
  type?: ImageType
  source?:
    | { kind: 'url'; url: string; container?: string; checksum?: Checksum }
    | { kind: 'clone'; clone: NonNullable<DiskRequest['clone']> }
}

export interface ImageChange {
  name?: string
  annotation?: string
  type?: ImageType
  logicalTimestamp?: number
}

/** Disk and ISO images. One on its way is in no table: its task says all there is to say, and leaves nothing when it fails. */
export class Images {
  constructor(
    private readonly store: Store,
    private readonly containers: StorageContainers,
    private readonly plans: DiskPlans,
    private readonly behaviour: SimulatorBehaviour,
    private readonly tasks: () => Tasks,
  ) {}

  /** Those on their way too; they have no disk yet. */
  list(): ImageRecord[] {
    return [...this.store.images.values(), ...this.coming()]
  }

  require(uuid: string): ImageRecord {
    const wanted = uuid.toLowerCase()
    const image = this.store.images.get(wanted) ?? this.coming().find((other) => other.uuid === wanted)
    if (image) return image
    throw new WireError(this.behaviour.unknownStatus, `Image ${uuid} does not exist`, errorCodes.notFound)
  }

  create(request: ImageRequest): TaskRecord {
    const { source, name = '' } = request
    if (name.trim() === '') throw this.refuse('Image name is missing', errorCodes.badRequest)
    if (!source) throw this.refuse('An image needs a URL or a disk to clone', errorCodes.badRequest)
    const uuid = request.uuid ?? randomUUID()
    if (this.list().some((image) => image.uuid === uuid))
      throw this.refuse(`Image with uuid ${uuid} already exists`, errorCodes.exists)
    const now = nowUsecs()
    const image: Omit<ImageRecord, 'containerUuid'> = {
      uuid,
      name,
      ...(request.annotation !== undefined && { annotation: request.annotation }),
      type: request.type ?? 'DISK_IMAGE',
      logicalTimestamp: 1,
      createdUsecs: now,
      updatedUsecs: now,
    }
    const start = this.tasks().start.bind(this.tasks())
    if (source.kind === 'clone') {
      const plan = this.plans.plan({ clone: source.clone })
      const { containerUuid } = plan
      return start('ImageCreate', [imageEntity(uuid)], {
        kind: 'clone-image',
        image: { ...image, containerUuid },
        plan,
      })
    }
    const containerUuid = this.containerOf(source.container)
    return start('ImageCreate', [imageEntity(uuid)], {
      kind: 'import-image',
      image: { ...image, containerUuid, ...(source.checksum && { checksum: source.checksum }) },
      diskUuid: randomUUID(),
      url: source.url,
    })
  }

  update(image: ImageRecord, change: ImageChange): TaskRecord {
    this.checkSettled(image, change.logicalTimestamp)
    const { name, annotation, type } = change
    if (name?.trim() === '') throw this.refuse('Image name is missing', errorCodes.badRequest)
    return this.tasks().start('ImageUpdate', [imageEntity(image.uuid)], {
      kind: 'update-image',
      imageUuid: image.uuid,
      change: {
        ...(name !== undefined && { name }),
        ...(annotation !== undefined && { annotation }),
        ...(type !== undefined && { type }),
      },
    })
  }

  delete(image: ImageRecord, logicalTimestamp?: number): TaskRecord {
    this.checkSettled(image, logicalTimestamp)
    return this.tasks().start('ImageDelete', [imageEntity(image.uuid)], {
      kind: 'delete-image',
      imageUuid: image.uuid,
    })
  }

  private coming(): ImageRecord[] {
    return this.tasks()
      .jobsUnderWay()
      .flatMap((job) => (job.kind === 'import-image' || job.kind === 'clone-image' ? [job.image] : []))
  }

  /** Without a wish, where a cluster keeps images by itself (recorded for the disks made of them). */
  private containerOf(wanted: string | undefined): string {
    return this.containers.require(wanted ?? 'SelfServiceContainer', this.behaviour.refusedStatus).uuid
  }

  private checkSettled(image: ImageRecord, given: number | undefined): void {
    if (!image.disk) throw this.refuse(`Image ${image.name} is not active yet`, errorCodes.general)
    if (given === undefined || given === 0 || given === image.logicalTimestamp) return
    throw new WireError(
      this.behaviour.staleStatus,
      `Logical timestamp mismatch for image ${image.uuid}: current ${image.logicalTimestamp}, given ${given}`,
      errorCodes.stale,
    )
  }

  private refuse(message: string, code: number): WireError {
    return new WireError(this.behaviour.refusedStatus, message, code)
  }
}

function imageEntity(uuid: string): TaskEntity {
  return { uuid, type: 'IMAGE' }
}
