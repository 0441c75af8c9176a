import { randomUUID } from 'node:crypto'
import type { InferOutput } from 'valibot'
import { deadlineIn } from '../../base/deadline.js'
import type { CallOptions, Image, ImageSpec, MutationOptions, TaskReference } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { bringForth } from './bring-forth.js'
import { listAll } from './collection.js'
import { ifKnown, readEntity, type EntityKind } from './entity.js'
import { imageSchema } from './machine-schema.js'
import { remove } from './removal.js'
import { dateOf } from './schema.js'
import { optional } from './request-body.js'

/** The cluster fetches gigabytes from somewhere, and the task lasts as long as that. */
const fetchTimeoutMs = 60 * 60_000
/** Without it an answer has no sizes. */
const withSizes = { include_vm_disk_sizes: true } as const

export async function listImages(http: PrismHttp, options: CallOptions = {}): Promise<Image[]> {
  const entities = await listAll(http, imageSchema, '/images/', {
    query: withSizes,
    deadline: options.deadline,
    doing: 'listing images',
  })
  return entities.filter(({ deleted }) => !deleted).map(toImage)
}

/**
 * Under a uuid chosen here, so that a repeat meets its first try. Resolves when the cluster has all of it, for which it
 * has an hour when nobody says. Throws EACSEXISTS, EACSTASKFAILED, EACSPRISM.
 */
export function createImage(
  http: PrismHttp,
  spec: ImageSpec,
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = {
    what: 'image',
    uuid: spec.uuid ?? randomUUID(),
    name: spec.name,
    taskEntity: /^image$/i,
    find: (uuid: string, call: CallOptions) => findImage(http, uuid, call),
    lacks: () => undefined,
    all: (call: CallOptions) => listImages(http, call),
    showCommand: `acs image show ${spec.name}`,
    listCommand: 'acs image list',
  }
  const body = {
    uuid: wanted.uuid,
    name: spec.name,
    ...optional('annotation', spec.description),
    image_type: spec.kind === 'iso' ? 'ISO_IMAGE' : 'DISK_IMAGE',
    ...sourceOf(spec.source),
  }
  return bringForth(http, '/images/', body, wanted, {
    ...options,
    deadline: options.deadline ?? deadlineIn(fetchTimeoutMs),
  })
}

function sourceOf(source: ImageSpec['source']): Record<string, unknown> {
  if ('diskUuid' in source) return { vm_disk_clone_spec: { disk_address: { vmdisk_uuid: source.diskUuid } } }
  return {
    image_import_spec: {
      url: source.url,
      storage_container_uuid: source.storageContainerUuid,
      ...(source.sha256 === undefined ? {} : { checksum: source.sha256, checksum_type: 'SHA_256' }),
    },
  }
}

export function deleteImage(http: PrismHttp, image: Image, options: MutationOptions = {}): Promise<TaskReference> {
  const removal = {
    what: 'image',
    path: imagePath(image.uuid),
    find: (call: CallOptions) => findImage(http, image.uuid, call),
    lookCommand: `acs image show ${image.name}`,
  }
  return remove(http, image, removal, options)
}

const imageKind: EntityKind<typeof imageSchema> = {
  what: 'image',
  schema: imageSchema,
  path: imagePath,
  query: withSizes,
  list: listImages,
  listCommand: 'acs image list',
}

/** One that is marked as deleted counts as gone. */
async function findImage(http: PrismHttp, uuid: string, options: CallOptions): Promise<Image | undefined> {
  const entity = await ifKnown(readEntity(http, imageKind, uuid, options))
  return entity && !entity.deleted ? toImage(entity) : undefined
}

function imagePath(uuid: string): string {
  return `/images/${encodeURIComponent(uuid)}/`
}

function toImage(entity: InferOutput<typeof imageSchema>): Image {
  return {
    uuid: entity.uuid,
    name: entity.name ?? '',
    description: entity.annotation ?? '',
    kind: entity.image_type === 'disk_image' ? 'disk' : entity.image_type === 'iso_image' ? 'iso' : 'unknown',
    active: entity.image_state === 'active',
    diskUuid: entity.vm_disk_id || undefined,
    sizeBytes: entity.vm_disk_size ?? undefined,
    storageContainerUuid: entity.storage_container_uuid || undefined,
    createdAt: dateOf(entity.created_time_in_usecs),
    logicalTimestamp: entity.logical_timestamp ?? 0,
  }
}
