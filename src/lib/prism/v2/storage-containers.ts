import type { InferOutput } from 'valibot'
import { AcsError, isAcsError } from '../../base/errors.js'
import type {
  CallOptions,
  Deduplication,
  StorageContainer,
  StorageContainerChange,
  StorageContainerSpec,
} from '../prism.js'
import type { PrismHttp } from '../http.js'
import { listAll } from './collection.js'
import { statistic, storageContainerSchema, understand } from './schema.js'

/** Containers that AOS keeps for itself; only the first is flagged by every version. */
const internalNames: ReadonlySet<string> = new Set(['NutanixManagementShare'])

export async function listStorageContainers(http: PrismHttp, options: CallOptions = {}): Promise<StorageContainer[]> {
  const entities = await listAll(http, storageContainerSchema, '/storage_containers/', {
    deadline: options.deadline,
    doing: 'listing storage containers',
  })
  return entities.map(toContainer)
}

/** Answered at once with no more than `true` (v2 specification), so the list tells what became of it. */
export async function createStorageContainer(
  http: PrismHttp,
  spec: StorageContainerSpec,
  options: CallOptions = {},
): Promise<StorageContainer> {
  const { deadline } = options
  const others = await listStorageContainers(http, options)
  if (others.some(({ name }) => name === spec.name)) throw taken(spec.name)
  await http.request({
    method: 'POST',
    path: '/storage_containers/',
    body: fieldsOf(spec),
    deadline,
    doing: `creating the storage container "${spec.name}"`,
  })
  const made = (await listStorageContainers(http, options)).find(({ name }) => name === spec.name)
  if (made) return made
  throw new AcsError(
    'failed',
    'EACSPRISM',
    `Prism says that the storage container "${spec.name}" was created, and does not list it`,
    { hints: ['Look for it: acs container list'] },
  )
}

/**
 * Sends back what the cluster tells of the container, with the change: whether a PUT may leave fields out is in no
 * specification and no recording.
 */
export async function updateStorageContainer(
  http: PrismHttp,
  uuid: string,
  change: StorageContainerChange,
  options: CallOptions = {},
): Promise<StorageContainer> {
  const { deadline } = options
  const doing = `changing the storage container ${uuid}`
  const { body: before } = await http.request({ method: 'GET', path: pathOf(uuid), deadline, doing })
  const kept = Object.fromEntries(
    Object.entries(before as Record<string, unknown>).filter(([field, value]) => isSentBack(field) && value !== null),
  )
  await http.request({
    method: 'PUT',
    path: '/storage_containers/',
    body: { ...kept, ...fieldsOf(change) },
    deadline,
    doing,
  })
  const { body } = await http.request({ method: 'GET', path: pathOf(uuid), deadline, doing })
  return toContainer(understand(storageContainerSchema, body, 'a storage container'))
}

export async function deleteStorageContainer(http: PrismHttp, uuid: string, options: CallOptions = {}): Promise<void> {
  try {
    await http.request({
      method: 'DELETE',
      path: pathOf(uuid),
      deadline: options.deadline,
      doing: `deleting the storage container ${uuid}`,
    })
  } catch (error) {
    // A repeat, after the answer to the first try was lost.
    if (isAcsError(error, 'EACSNOTFOUND') && error.details.repeated === true) return
    throw error
  }
}

/** What only the cluster says of a container, and what belongs to it alone. */
const told = new Set(['cluster_uuid', 'stats', 'usage_stats', 'alert_summary', 'health_summary', 'max_capacity'])

function isSentBack(field: string): boolean {
  return !told.has(field)
}

/** `ContainerDTO` of the v2 specification. */
function fieldsOf(change: StorageContainerChange): Record<string, unknown> {
  const { deduplication } = change
  const fields = {
    name: change.name,
    advertised_capacity: change.advertisedCapacityBytes,
    total_explicit_reserved_capacity: change.reservedBytes,
    replication_factor: change.replicationFactor,
    compression_enabled: change.compressionEnabled,
    compression_delay_in_secs: change.compressionDelaySeconds,
    ...(deduplication && {
      finger_print_on_write: deduplication === 'off' ? 'OFF' : 'ON',
      on_disk_dedup: deduplication === 'capacity' ? 'POST_PROCESS' : 'OFF',
    }),
    erasure_code: change.erasureCoding === undefined ? undefined : change.erasureCoding ? 'on' : 'off',
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function toContainer(entity: InferOutput<typeof storageContainerSchema>): StorageContainer {
  return {
    uuid: entity.storage_container_uuid,
    name: entity.name ?? entity.storage_container_uuid,
    maxCapacityBytes: entity.max_capacity ?? 0,
    advertisedCapacityBytes: entity.advertised_capacity ?? undefined,
    reservedBytes: entity.total_explicit_reserved_capacity ?? undefined,
    usedBytes: statistic(entity.usage_stats, 'storage.usage_bytes'),
    replicationFactor: entity.replication_factor ?? undefined,
    compressionEnabled: entity.compression_enabled ?? undefined,
    compressionDelaySeconds: entity.compression_delay_in_secs ?? undefined,
    deduplication: deduplicationOf(entity),
    erasureCoding: entity.erasure_code ? entity.erasure_code === 'on' : undefined,
    internal: (entity.is_nutanix_managed ?? false) || internalNames.has(entity.name ?? ''),
  }
}

function deduplicationOf(entity: InferOutput<typeof storageContainerSchema>): Deduplication | undefined {
  if (entity.on_disk_dedup === 'post_process') return 'capacity'
  if (entity.finger_print_on_write === 'on') return 'cache'
  return entity.finger_print_on_write ? 'off' : undefined
}

function pathOf(uuid: string): string {
  return `/storage_containers/${encodeURIComponent(uuid)}`
}

function taken(name: string): AcsError {
  return new AcsError('conflict', 'EACSEXISTS', `there is already a storage container "${name}"`, {
    details: { name },
    hints: [`Look at it: acs container show ${name}`],
  })
}
