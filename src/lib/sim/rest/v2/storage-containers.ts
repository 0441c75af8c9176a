import type { ContainerChange } from '../../containers.js'
import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { ContainerRecord } from '../../store/records.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { pageOf, type Page } from '../collection.js'
import type { Fields } from '../fields.js'
import { bodyOf, type Reply, type Request, type Route } from '../routes.js'
import { containerUsage, entityStatistics } from './statistics.js'
import { statsDto } from './volume-groups.js'

export const storageContainerRoutes: readonly Route[] = [
  { api: 'v2.0', method: 'GET', path: '/storage_containers', answer: listContainers },
  { api: 'v2.0', method: 'POST', path: '/storage_containers', answer: createContainer },
  { api: 'v2.0', method: 'PUT', path: '/storage_containers', answer: updateContainer },
  {
    api: 'v2.0',
    method: 'GET',
    path: '/storage_containers/{uuid}',
    answer: (request) => ({ body: containerDto(request.cluster, containerOf(request)) }),
  },
  {
    api: 'v2.0',
    method: 'DELETE',
    path: '/storage_containers/{uuid}',
    answer: (request) => {
      request.cluster.containers.remove(containerOf(request))
      return { body: { value: true } }
    },
  },
  {
    api: 'v2.0',
    method: 'GET',
    path: '/storage_containers/{uuid}/stats',
    answer: (request) => {
      containerOf(request)
      return { body: statsDto(request.query) }
    },
  },
]

export function pageOfContainers({ cluster, query }: Pick<Request, 'cluster' | 'query'>): Page<ContainerRecord> {
  return pageOf(
    cluster.containers.list(),
    query,
    (container) => container.name,
    (container, name) => new Map(Object.entries(containerDto(cluster, container))).get(name),
  )
}

/** Recorded (AOS 6.1): every field is there, null where it has no value. */
export function containerDto(cluster: SimulatedCluster, container: ContainerRecord): Record<string, unknown> {
  const tiers = ['SSD-MEM-NVMe', 'SSD-PCIe', 'SSD-SATA', 'DAS-SATA']
  return {
    id: `${cluster.identity.uuid}::${container.number}`,
    storage_container_uuid: container.uuid,
    name: container.name,
    cluster_uuid: cluster.identity.uuid,
    marked_for_removal: false,
    max_capacity: container.maxCapacityBytes,
    total_explicit_reserved_capacity: container.reservedBytes ?? 0,
    total_implicit_reserved_capacity: 0,
    advertised_capacity: container.advertisedCapacityBytes,
    replication_factor: container.replicationFactor,
    oplog_replication_factor: container.replicationFactor,
    nfs_whitelist: [],
    nfs_whitelist_address: [],
    nfs_whitelist_inherited: true,
    random_io_preference: tiers,
    seq_io_preference: ['SSD-PCIe', 'SSD-SATA', 'SSD-MEM-NVMe', 'DAS-SATA'],
    ilm_policy: null,
    down_migrate_times_in_secs: Object.fromEntries(tiers.map((tier) => [tier, 1800])),
    erasure_code: container.erasureCode ?? 'off',
    inline_ec_enabled: null,
    max_ec_info_strip_size: null,
    software_inline_ec_type: null,
    prefer_higher_ecfault_domain: null,
    erasure_code_delay_secs: null,
    finger_print_on_write: container.fingerPrintOnWrite ?? 'off',
    on_disk_dedup: container.onDiskDedup ?? 'OFF',
    compression_enabled: container.compressionEnabled,
    compression_delay_in_secs: container.compressionDelaySecs,
    is_nutanix_managed: container.nutanixManaged ? true : null,
    enable_software_encryption: false,
    vstore_name_list: [container.name],
    mapped_remote_containers: {},
    stats: entityStatistics,
    usage_stats: containerUsage(
      cluster.containers.usedBytes(container.uuid),
      cluster.containers.capacityBytes(container),
      container.replicationFactor,
    ),
    encrypted: null,
    affinity_host_uuid: null,
  }
}

function listContainers(request: Request): Reply {
  const { items, metadata } = pageOfContainers(request)
  return { body: { metadata, entities: items.map((container) => containerDto(request.cluster, container)) } }
}

function createContainer(request: Request): Reply {
  const fields = bodyOf(request)
  const name = fields.string('name')
  if (name === undefined) throw new WireError(400, 'Field name is missing', errorCodes.badRequest)
  request.cluster.containers.create({ ...readChange(fields), name })
  return { status: request.cluster.behaviour.createdStatus, body: { value: true } }
}

/** The UUID is in the body, or the `<cluster>::<number>` id. */
function updateContainer(request: Request): Reply {
  const fields = bodyOf(request)
  const reference = fields.string('storage_container_uuid', 'id')
  if (reference === undefined)
    throw new WireError(400, 'Field storage_container_uuid is missing', errorCodes.badRequest)
  const { containers, behaviour } = request.cluster
  containers.update(containers.require(reference, behaviour.unknownStatus), readChange(fields))
  return { body: { value: true } }
}

function readChange(fields: Fields): ContainerChange {
  return {
    name: fields.string('name'),
    advertisedCapacityBytes: fields.integer('advertised_capacity'),
    replicationFactor: fields.integer('replication_factor'),
    compressionEnabled: fields.boolean('compression_enabled'),
    compressionDelaySecs: fields.integer('compression_delay_in_secs'),
    reservedBytes: fields.integer('total_explicit_reserved_capacity'),
    erasureCode: onOrOff(fields.choice(['ON', 'OFF'], 'erasure_code')),
    fingerPrintOnWrite: onOrOff(fields.choice(['ON', 'OFF', 'NONE'], 'finger_print_on_write')),
    onDiskDedup: fields.choice(['OFF', 'POST_PROCESS'], 'on_disk_dedup'),
  }
}

function containerOf({ cluster, parameters }: Request): ContainerRecord {
  return cluster.containers.require(parameters.uuid ?? '', cluster.behaviour.unknownStatus)
}

/** Recorded in lower case, specified in upper. */
function onOrOff(word: string | undefined): 'on' | 'off' | undefined {
  if (word === undefined) return undefined
  return word === 'ON' ? 'on' : 'off'
}
