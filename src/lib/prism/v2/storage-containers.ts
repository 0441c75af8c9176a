import type { CallOptions, StorageContainer } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { listAll } from './collection.js'
import { statistic, storageContainerSchema } from './schema.js'

/** Containers that AOS keeps for itself; only the first is flagged by every version. */
const internalNames: ReadonlySet<string> = new Set(['NutanixManagementShare'])

export async function listStorageContainers(http: PrismHttp, options: CallOptions = {}): Promise<StorageContainer[]> {
  const entities = await listAll(http, storageContainerSchema, '/storage_containers/', {
    deadline: options.deadline,
    doing: 'listing storage containers',
  })
  return entities.map((entity) => ({
    uuid: entity.storage_container_uuid,
    name: entity.name ?? entity.storage_container_uuid,
    maxCapacityBytes: entity.max_capacity ?? 0,
    usedBytes: statistic(entity.usage_stats, 'storage.usage_bytes'),
    replicationFactor: entity.replication_factor ?? undefined,
    compressionEnabled: entity.compression_enabled ?? undefined,
    internal: (entity.is_nutanix_managed ?? false) || internalNames.has(entity.name ?? ''),
  }))
}
