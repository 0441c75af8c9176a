import type { CallOptions, Host } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { listAll } from './collection.js'
import { hostSchema } from './schema.js'

export async function listHosts(http: PrismHttp, options: CallOptions = {}): Promise<Host[]> {
  const entities = await listAll(http, hostSchema, '/hosts/', { deadline: options.deadline, doing: 'listing hosts' })
  return entities.map((entity) => ({
    uuid: entity.uuid,
    name: entity.name ?? entity.hypervisor_address ?? entity.uuid,
    hypervisorAddress: entity.hypervisor_address ?? undefined,
    controllerVmAddress: entity.service_vmexternal_ip ?? undefined,
    hypervisorName: entity.hypervisor_full_name ?? undefined,
    memoryBytes: entity.memory_capacity_in_bytes ?? undefined,
    cpuCores: entity.num_cpu_cores ?? undefined,
    state: entity.state ?? undefined,
  }))
}
