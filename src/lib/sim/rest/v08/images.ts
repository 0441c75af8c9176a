import { toCamel } from '../fields.js'
import { queryBoolean, routesOf, type Request, type Route } from '../routes.js'
import { imageDto, type ImageDetail } from '../v2/images.js'
import { oldCollection } from './collection.js'

const route = routesOf('v0.8')

/** Fields that came after v0.8. */
const newerThanOld = new Set(['storage_container_id', 'storage_container_uuid'])

/** Where the first docker-machine driver found the disk behind an image's name. */
export const oldImageRoutes: readonly Route[] = [
  route('GET', '/images', (request) => {
    const { cluster } = request
    const images = cluster.images.list().map((image) => imageDto(cluster, image, detailOf(request)))
    return { body: toCamel(oldCollection(images), newerThanOld) }
  }),
  route('GET', '/images/{uuid}', (request) => {
    const image = request.cluster.images.require(request.parameters.uuid ?? '')
    return { body: toCamel(imageDto(request.cluster, image, detailOf(request)), newerThanOld) }
  }),
]

function detailOf({ query }: Request): ImageDetail {
  return {
    size: queryBoolean(query, 'includeVmDiskSizes') ?? false,
    // The specification spells it one way for the list, another for one image.
    path: queryBoolean(query, 'includeVMDiskPaths') ?? queryBoolean(query, 'includeVmDiskPaths') ?? false,
  }
}
