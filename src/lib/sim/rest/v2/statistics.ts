/** Metrics of every config entity; values are strings and "-1" means unknown (recorded). */
const common = [
  ...['num_io', 'num_read_io', 'num_write_io', 'num_iops', 'num_read_iops', 'num_write_iops'],
  ...['io_bandwidth_kBps', 'read_io_bandwidth_kBps', 'write_io_bandwidth_kBps'],
  ...['total_io_time_usecs', 'total_read_io_time_usecs', 'total_io_size_kbytes', 'total_read_io_size_kbytes'],
  ...['avg_io_latency_usecs', 'avg_read_io_latency_usecs', 'avg_write_io_latency_usecs'],
  ...['read_io_ppm', 'write_io_ppm', 'timespan_usecs'],
]
const controllerOnly = [
  ...['num_random_io', 'num_seq_io', 'random_io_ppm', 'seq_io_ppm'],
  ...['total_transformed_usage_bytes', 'total_untransformed_usage_bytes'],
]
const hypervisor = [
  ...['num_io', 'num_read_io', 'num_write_io', 'num_iops', 'num_read_iops', 'num_write_iops'],
  ...['io_bandwidth_kBps', 'read_io_bandwidth_kBps', 'write_io_bandwidth_kBps'],
  ...['total_io_time_usecs', 'total_read_io_time_usecs', 'total_io_size_kbytes', 'total_read_io_size_kbytes'],
  ...['avg_io_latency_usecs', 'avg_read_io_latency_usecs', 'avg_write_io_latency_usecs', 'timespan_usecs'],
]
const controller = [
  ...common,
  'num_random_io',
  'num_seq_io',
  'random_io_ppm',
  'seq_io_ppm',
  'total_transformed_usage_bytes',
  'avg_read_io_size_kbytes',
  'avg_write_io_size_kbytes',
]

export const entityStatistics: Readonly<Record<string, string>> = unknowns([
  ...common,
  ...controllerOnly,
  ...hypervisor.map((name) => `hypervisor_${name}`),
  ...controller.map((name) => `controller_${name}`),
])

const clusterOnly = [
  ...['hypervisor', 'hypervisor_hyperv', 'hypervisor_esx', 'hypervisor_kvm'].flatMap((name) => [
    `${name}_cpu_usage_ppm`,
    `${name}_memory_usage_ppm`,
  ]),
  ...['replication_transmitted_bandwidth_kBps', 'replication_received_bandwidth_kBps'],
  ...['replication_num_transmitted_bytes', 'replication_num_received_bytes'],
  ...['num_lookups', 'num_hits', 'hit_ppm', 'num_dedup_ref_count_pph'].map((name) => `content_cache_${name}`),
  ...['logical', 'saved', 'physical'].flatMap((name) => [
    `content_cache_${name}_ssd_usage_bytes`,
    `content_cache_${name}_memory_usage_bytes`,
  ]),
]

export const clusterStatistics: Readonly<Record<string, string>> = { ...entityStatistics, ...unknowns(clusterOnly) }

/**
 * Usage of a storage container. `user` values are what its users see; the others count every replica.
 * All strings, as recorded; savings the simulator does not measure are 0 or -1.
 */
export function containerUsage(usedBytes: number, capacityBytes: number, replicas: number): Record<string, string> {
  const user = { used: usedBytes, capacity: capacityBytes, free: Math.max(0, capacityBytes - usedBytes) }
  const raw = { used: user.used * replicas, capacity: user.capacity * replicas, free: user.free * replicas }
  const reductions = Object.fromEntries(
    ['compression', 'erasure_coding'].flatMap((way) => [
      [`data_reduction.${way}.pre_reduction_bytes`, raw.used],
      [`data_reduction.${way}.post_reduction_bytes`, raw.used],
      [`data_reduction.${way}.user_pre_reduction_bytes`, user.used],
      [`data_reduction.${way}.user_post_reduction_bytes`, user.used],
      [`data_reduction.${way}.user_saved_bytes`, 0],
      [`data_reduction.${way}.saving_ratio_ppm`, 1_000_000],
    ]),
  )
  return strings({
    'storage.usage_bytes': raw.used,
    'storage.capacity_bytes': raw.capacity,
    'storage.free_bytes': raw.free,
    'storage.logical_usage_bytes': raw.used,
    'storage.disk_physical_usage_bytes': raw.used,
    'storage.user_usage_bytes': user.used,
    'storage.user_capacity_bytes': user.capacity,
    'storage.user_free_bytes': user.free,
    'storage.user_disk_physical_usage_bytes': user.used,
    'storage.user_container_own_usage_bytes': user.used,
    'storage.user_storage_pool_capacity_bytes': user.capacity,
    'storage.unreserved_usage_bytes': raw.used,
    'storage.unreserved_own_usage_bytes': raw.used,
    'storage.unreserved_capacity_bytes': raw.capacity,
    'storage.unreserved_free_bytes': raw.free,
    'storage.user_unreserved_usage_bytes': user.used,
    'storage.user_unreserved_own_usage_bytes': user.used,
    'storage.user_unreserved_capacity_bytes': user.capacity,
    'storage.user_unreserved_free_bytes': user.free,
    'storage.user_unreserved_shared_usage_bytes': 0,
    'storage.user_other_containers_reserved_capacity_bytes': 0,
    'storage.container_reserved_capacity_bytes': 0,
    'storage.user_container_reserved_capacity_bytes': 0,
    'storage.reserved_free_bytes': 0,
    'storage.reserved_usage_bytes': 0,
    'storage.reserved_capacity_bytes': 0,
    'storage.user_reserved_free_bytes': 0,
    'storage.user_reserved_usage_bytes': 0,
    'storage.user_reserved_capacity_bytes': 0,
    'storage.recycle_bin_usage_bytes': 0,
    'storage.recycle_bin_logical_usage_bytes': 0,
    'storage.snapshot_reclaimable_bytes': 0,
    'storage.logical_snapshot_usage_bytes': 0,
    'storage_tier.ssd.usage_bytes': raw.used,
    'storage_tier.das-sata.usage_bytes': 0,
    ...reductions,
    'data_reduction.erasure_coding.potential_savings_pct': 0,
    'data_reduction.erasure_coding.parity_bytes': 0,
    'data_reduction.dedup.pre_reduction_bytes': raw.used,
    'data_reduction.dedup.post_reduction_bytes': raw.used,
    'data_reduction.dedup.user_saved_bytes': 0,
    'data_reduction.dedup.saving_ratio_ppm': 1_000_000,
    'data_reduction.clone.user_saved_bytes': 0,
    'data_reduction.clone.saving_ratio_ppm': 1_000_000,
    'data_reduction.thin_provision.user_saved_bytes': -1,
    'data_reduction.thin_provision.saving_ratio_ppm': -1,
    'data_reduction.overall.saving_ratio_ppm': 1_000_000,
    'data_reduction.overall.user_saved_bytes': 0,
    'data_reduction.saving_ratio_ppm': 1_000_000,
    'data_reduction.saved_bytes': 0,
    'data_reduction.user_saved_bytes': 0,
    'data_reduction.pre_reduction_bytes': raw.used,
    'data_reduction.post_reduction_bytes': raw.used,
    'data_reduction.user_pre_reduction_bytes': user.used,
    'data_reduction.user_post_reduction_bytes': user.used,
  })
}

export function clusterUsage(usedBytes: number, capacityBytes: number): Record<string, string> {
  const free = Math.max(0, capacityBytes - usedBytes)
  const ways = ['compression', 'erasure_coding', 'dedup', 'thin_provision']
  const reductions = Object.fromEntries(
    ways.flatMap((way) => [
      [`data_reduction.${way}.pre_reduction_bytes`, usedBytes],
      [`data_reduction.${way}.post_reduction_bytes`, usedBytes],
      [`data_reduction.${way}.saved_bytes`, 0],
      [`data_reduction.${way}.saving_ratio_ppm`, 1_000_000],
    ]),
  )
  return strings({
    'storage.usage_bytes': usedBytes,
    'storage.capacity_bytes': capacityBytes,
    'storage.free_bytes': free,
    'storage.logical_usage_bytes': usedBytes,
    'storage.reserved_free_bytes': 0,
    'storage.reserved_usage_bytes': 0,
    'storage.reserved_capacity_bytes': 0,
    'storage.recycle_bin_usage_bytes': 0,
    'storage.rebuild_capacity_bytes': -1,
    'storage.snapshot_reclaimable_bytes': 0,
    'storage_tier.ssd.usage_bytes': usedBytes,
    'storage_tier.ssd.capacity_bytes': capacityBytes,
    'storage_tier.ssd.free_bytes': free,
    'storage_tier.ssd.pinned_bytes': 0,
    'storage_tier.ssd.pinned_usage_bytes': 0,
    'storage_tier.das-sata.usage_bytes': 0,
    'storage_tier.das-sata.capacity_bytes': 0,
    'storage_tier.das-sata.free_bytes': 0,
    'storage_tier.das-sata.pinned_usage_bytes': 0,
    ...reductions,
    'data_reduction.clone.saved_bytes': 0,
    'data_reduction.clone.saving_ratio_ppm': 1_000_000,
    'data_reduction.overall.saved_bytes': 0,
    'data_reduction.overall.saving_ratio_ppm': 1_000_000,
    'data_reduction.saved_bytes': 0,
    'data_reduction.saving_ratio_ppm': 1_000_000,
    'data_reduction.pre_reduction_bytes': usedBytes,
    'data_reduction.post_reduction_bytes': usedBytes,
  })
}

function unknowns(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '-1']))
}

function strings(values: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}
