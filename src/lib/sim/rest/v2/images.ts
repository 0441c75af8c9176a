import type { ImageRequest } from '../../images.js'
import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { Checksum, ImageRecord } from '../../store/machine-records.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { readClone, readContainer } from '../disk-requests.js'
import { readUuid, type Fields } from '../fields.js'
import { bodyOf, queryBoolean, queryInteger, routesOf, type Request, type Route } from '../routes.js'
import { taskAnswer } from '../task-answer.js'
import { diskPath } from './volume-group-dto.js'

const route = routesOf('v2.0')
const types = ['DISK_IMAGE', 'ISO_IMAGE'] as const

export const imageRoutes: readonly Route[] = [
  route('GET', '/images', (request) => {
    const entities = request.cluster.images.list().map((image) => imageDto(request.cluster, image, detailOf(request)))
    return { body: { metadata: { grand_total_entities: entities.length, total_entities: entities.length }, entities } }
  }),
  route('POST', '/images', (request) => taskAnswer(request, request.cluster.images.create(readImage(bodyOf(request))))),
  route('GET', '/images/{uuid}', (request) => ({
    body: imageDto(request.cluster, imageOf(request), detailOf(request)),
  })),
  route('PUT', '/images/{uuid}', (request) => {
    const fields = bodyOf(request)
    if (fields.has('image_import_spec') || fields.has('vm_disk_clone_spec'))
      throw new WireError(
        request.cluster.behaviour.refusedStatus,
        'The source of an active image cannot be updated',
        errorCodes.badRequest,
      )
    return taskAnswer(
      request,
      request.cluster.images.update(imageOf(request), {
        ...readWords(fields),
        logicalTimestamp: fields.integer('logical_timestamp'),
      }),
    )
  }),
  route('DELETE', '/images/{uuid}', (request) => {
    const timestamp = queryInteger(request.query, 'logical_timestamp')
    return taskAnswer(request, request.cluster.images.delete(imageOf(request), timestamp))
  }),
]

/** What an answer is to show of an image's disk; neither by itself (specified). */
export interface ImageDetail {
  size: boolean
  path: boolean
}

/** From the specification. */
export function imageDto(cluster: SimulatedCluster, image: ImageRecord, detail: ImageDetail): object {
  const { disk, checksum } = image
  return {
    uuid: image.uuid,
    name: image.name,
    ...(image.annotation !== undefined && { annotation: image.annotation }),
    deleted: false,
    ...containerDto(cluster, image),
    logical_timestamp: image.logicalTimestamp,
    image_type: image.type,
    image_state: disk ? 'ACTIVE' : 'INACTIVE',
    created_time_in_usecs: image.createdUsecs,
    updated_time_in_usecs: image.updatedUsecs,
    ...(checksum && { checksum: checksum.value, checksum_type: checksum.type }),
    ...(disk && {
      vm_disk_id: disk.uuid,
      ...(detail.size && { vm_disk_size: disk.sizeBytes }),
      ...(detail.path && { vm_disk_path: diskPath(cluster, disk) }),
    }),
  }
}

function containerDto({ store }: SimulatedCluster, { containerUuid }: ImageRecord): object {
  const container = store.containers.get(containerUuid)
  return { storage_container_uuid: containerUuid, ...(container && { storage_container_id: container.number }) }
}

function detailOf({ query }: Request): ImageDetail {
  return {
    size: queryBoolean(query, 'include_vm_disk_sizes') ?? false,
    path: queryBoolean(query, 'include_vm_disk_paths') ?? false,
  }
}

function readImage(fields: Fields): ImageRequest {
  const spec = fields.object('image_import_spec')
  const clone = fields.object('vm_disk_clone_spec')
  if (spec && clone) throw bad('An image is either imported or cloned, not both')
  return {
    uuid: readUuid(fields.string('uuid')),
    ...readWords(fields),
    ...(clone && { source: { kind: 'clone', clone: readClone(clone) } }),
    ...(spec && { source: readImport(spec) }),
  }
}

function readWords(fields: Fields): Pick<ImageRequest, 'name' | 'annotation' | 'type'> {
  return {
    name: fields.string('name'),
    annotation: fields.string('annotation'),
    type: fields.choice(types, 'image_type'),
  }
}

function readImport(spec: Fields): ImageRequest['source'] {
  const url = spec.string('url')
  if (url === undefined) throw bad('Field image_import_spec.url is missing')
  return { kind: 'url', url, container: readContainer(spec), checksum: readChecksum(spec) }
}

function readChecksum(spec: Fields): Checksum | undefined {
  const value = spec.string('checksum')?.toLowerCase()
  if (value === undefined || value === '') return undefined
  const type = spec.choice(['SHA_1', 'SHA_256'], 'checksum_type') ?? (value.length === 40 ? 'SHA_1' : 'SHA_256')
  if (new RegExp(`^[0-9a-f]{${type === 'SHA_1' ? 40 : 64}}$`).test(value)) return { type, value }
  throw bad(`"${value}" is no ${type} checksum`)
}

function imageOf({ cluster, parameters }: Request): ImageRecord {
  return cluster.images.require(parameters.uuid ?? '')
}

function bad(message: string): WireError {
  return new WireError(400, message, errorCodes.badRequest)
}
