import { AcsCommand } from '../../lib/cli/base-command.js'
import type { Columns, JsonRecord } from '../../lib/cli/output/columns.js'
import type { Cluster } from '../../lib/prism/prism.js'

const columns: Columns<Cluster> = [
  { key: 'name', header: 'Name', value: (cluster) => cluster.name },
  { key: 'uuid', header: 'UUID', value: (cluster) => cluster.uuid },
  { key: 'version', header: 'AOS version', value: (cluster) => cluster.version },
  { key: 'nodeCount', header: 'Nodes', numeric: true, value: (cluster) => cluster.nodeCount },
  {
    key: 'dataServicesAddress',
    header: 'Data services',
    value: (cluster) => cluster.dataServicesAddress ?? null,
  },
  { key: 'externalAddress', header: 'External address', value: (cluster) => cluster.externalAddress ?? null },
  { key: 'timezone', header: 'Time zone', value: (cluster) => cluster.timezone ?? null },
]

export default class ClusterShow extends AcsCommand<JsonRecord, typeof ClusterShow> {
  static override summary = 'Show the cluster: name, version, nodes, data services address.'
  static override examples = ['<%= config.bin %> cluster show', '<%= config.bin %> cluster show --json']

  async run(): Promise<JsonRecord> {
    const prism = await this.prism()
    return this.showOne(columns, await prism.cluster({ deadline: this.deadline }))
  }
}
