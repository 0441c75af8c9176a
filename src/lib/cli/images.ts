import { formatSize, parseSize } from '../base/sizes.js'
import type { Image } from '../prism/prism.js'
import type { Columns } from './output/columns.js'

/** Columns of an image, for every command that shows one. */
export const imageColumns: Columns<Image> = [
  { key: 'name', header: 'Name', value: (image) => image.name },
  { key: 'uuid', header: 'UUID', value: (image) => image.uuid },
  { key: 'kind', header: 'Kind', value: (image) => image.kind },
  { key: 'active', header: 'Active', value: (image) => image.active },
  {
    key: 'sizeBytes',
    header: 'Size',
    numeric: true,
    parse: parseSize,
    format: (value) => formatSize(Number(value)),
    value: (image) => image.sizeBytes ?? null,
  },
  { key: 'createdAt', header: 'Created', value: (image) => image.createdAt?.toISOString() ?? null },
  { key: 'diskUuid', header: 'Disk', default: false, value: (image) => image.diskUuid ?? null },
  { key: 'container', header: 'Container', default: false, value: (image) => image.storageContainerUuid ?? null },
  { key: 'description', header: 'Description', default: false, value: (image) => image.description || null },
]
