import { formatSize, parseSize } from '../../../../src/lib/base/sizes.js'
import type { Columns } from '../../../../src/lib/cli/output/columns.js'

export interface Row {
  name: string
  bytes?: number
  tags?: string[]
  shared?: boolean
}

export const columns: Columns<Row> = [
  { key: 'name', header: 'Name', value: (row) => row.name },
  {
    key: 'sizeBytes',
    header: 'Size',
    numeric: true,
    parse: parseSize,
    format: (value) => formatSize(Number(value)),
    value: (row) => row.bytes ?? null,
  },
  { key: 'tags', header: 'Tags', value: (row) => row.tags ?? [] },
  { key: 'shared', header: 'Shared', default: false, value: (row) => row.shared ?? null },
]

export const GiB = 1024 ** 3

export const rows: Row[] = [
  { name: 'web-10', bytes: 20 * GiB, tags: ['prod', 'eu'], shared: true },
  { name: 'web-2', bytes: 5 * GiB, tags: ['test'] },
  { name: 'DB', shared: false },
]
