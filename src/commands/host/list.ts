import { formatSize, parseSize } from '../../lib/base/sizes.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import type { Columns, JsonRecord } from '../../lib/cli/output/columns.js'
import type { Host } from '../../lib/prism/prism.js'

const columns: Columns<Host> = [
  { key: 'name', header: 'Name', value: (host) => host.name },
  { key: 'uuid', header: 'UUID', value: (host) => host.uuid },
  { key: 'hypervisorAddress', header: 'Hypervisor', value: (host) => host.hypervisorAddress ?? null },
  { key: 'controllerVmAddress', header: 'Controller VM', value: (host) => host.controllerVmAddress ?? null },
  { key: 'hypervisorName', header: 'Hypervisor name', default: false, value: (host) => host.hypervisorName ?? null },
  {
    key: 'memoryBytes',
    header: 'Memory',
    numeric: true,
    parse: parseSize,
    format: (value) => formatSize(Number(value)),
    value: (host) => host.memoryBytes ?? null,
  },
  { key: 'cpuCores', header: 'Cores', numeric: true, value: (host) => host.cpuCores ?? null },
  { key: 'state', header: 'State', value: (host) => host.state ?? null },
]

export default class HostList extends AcsCommand<JsonRecord[], typeof HostList> {
  static override summary = "List the cluster's hosts (nodes)."
  static override examples = ['<%= config.bin %> host list', '<%= config.bin %> host list --columns name,state']
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    return this.showList(columns, await prism.hosts({ deadline: this.deadline }), 'No hosts.')
  }
}
