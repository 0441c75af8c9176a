import { formatSize, parseSize } from '../../lib/base/sizes.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import type { Columns, JsonRecord, JsonValue } from '../../lib/cli/output/columns.js'
import type { StorageContainer } from '../../lib/prism/prism.js'

const size = { numeric: true, parse: parseSize, format: (value: JsonValue) => formatSize(Number(value)) }

const columns: Columns<StorageContainer> = [
  { key: 'name', header: 'Name', value: (container) => container.name },
  { key: 'uuid', header: 'UUID', value: (container) => container.uuid },
  { key: 'capacityBytes', header: 'Capacity', ...size, value: (container) => container.maxCapacityBytes },
  { key: 'usedBytes', header: 'Used', ...size, value: (container) => container.usedBytes ?? null },
  {
    key: 'replicationFactor',
    header: 'RF',
    numeric: true,
    value: (container) => container.replicationFactor ?? null,
  },
  {
    key: 'compression',
    header: 'Compression',
    default: false,
    value: (container) => container.compressionEnabled ?? null,
  },
  { key: 'internal', header: 'Internal', default: false, value: (container) => container.internal },
]

export default class ContainerList extends AcsCommand<JsonRecord[], typeof ContainerList> {
  static override summary = 'List storage containers.'
  static override examples = [
    '<%= config.bin %> container list',
    "<%= config.bin %> container list --filter 'capacityBytes>1T' --sort usedBytes:desc",
  ]
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    const containers = await prism.storageContainers({ deadline: this.deadline })
    return this.showList(columns, containers, 'No storage containers.')
  }
}
