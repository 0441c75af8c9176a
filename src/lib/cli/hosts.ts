import { formatSize, parseSize } from '../base/sizes.js'
import type { Host } from '../prism/prism.js'
import type { Columns } from './output/columns.js'

/** Columns of a host, for every command that shows one. */
export const hostColumns: Columns<Host> = [
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
