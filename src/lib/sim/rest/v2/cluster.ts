import { isIP } from 'node:net'
import type { SimulatedCluster } from '../../simulated-cluster.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { pageOf } from '../collection.js'
import type { Reply, Request, Route } from '../routes.js'
import { clusterStatistics, clusterUsage } from './statistics.js'

export const clusterRoutes: readonly Route[] = [
  { api: 'v2.0', method: 'GET', path: '/cluster', answer: ({ cluster }) => ({ body: clusterDto(cluster) }) },
  { api: 'v2.0', method: 'GET', path: '/clusters', answer: listClusters },
  { api: 'v2.0', method: 'GET', path: '/clusters/{id}', answer: getCluster },
]

/** Recorded (AOS 6.1): every field is there, null where it has no value. */
export function clusterDto(cluster: SimulatedCluster): Record<string, unknown> {
  const { identity, dataServicesAddress, externalAddress } = cluster
  const hosts = [...cluster.store.hosts.values()]
  const containers = cluster.containers.list()
  const usedBytes = containers.reduce(
    (sum, { uuid, replicationFactor }) => sum + cluster.containers.usedBytes(uuid) * replicationFactor,
    0,
  )
  // Containers share one pool: its size is that of the largest of them, with all replicas.
  const capacityBytes = Math.max(
    0,
    ...containers.map((container) => container.maxCapacityBytes * container.replicationFactor),
  )
  const compliance = {
    schedule: 'DAILY',
    enable_aide: false,
    enable_core: false,
    enable_high_strength_password: false,
    enable_banner: false,
  }
  return {
    id: `${identity.uuid}::${identity.incarnationId}`,
    uuid: identity.uuid,
    cluster_incarnation_id: identity.incarnationId,
    cluster_uuid: identity.uuid,
    name: identity.name,
    cluster_external_ipaddress: externalAddress,
    cluster_external_address: [addressDto(externalAddress)],
    cluster_fully_qualified_domain_name: null,
    is_nsenabled: false,
    cluster_external_data_services_ipaddress: dataServicesAddress,
    cluster_external_data_services_address: addressDto(dataServicesAddress),
    segmented_iscsi_data_services_ipaddress: null,
    segmented_iscsi_data_services_address: null,
    cluster_masquerading_ipaddress: null,
    cluster_masquerading_address: null,
    cluster_masquerading_port: null,
    timezone: 'UTC',
    support_verbosity_type: 'BASIC_COREDUMP',
    operation_mode: 'Normal',
    encrypted: false,
    cluster_usage_warning_alert_threshold_pct: 75,
    cluster_usage_critical_alert_threshold_pct: 90,
    storage_type: 'all_flash',
    cluster_functions: ['NDFS'],
    is_lts: false,
    is_registered_to_pc: false,
    num_nodes: hosts.length,
    block_serials: ['ACSSIM000001'],
    version: '6.1',
    full_version: 'el7.3-release-fraser-6.1-stable-acs-simulator',
    target_version: '6.1',
    external_subnet: '127.0.0.0/255.0.0.0',
    external_address: [{ ipv4: '127.0.0.0/255.0.0.0' }],
    internal_subnet: '192.168.5.0/255.255.255.128',
    internal_address: [{ ipv4: '192.168.5.0/255.255.255.128' }],
    ncc_version: 'ncc-4.5.0.2',
    enable_lock_down: false,
    enable_password_remote_login_to_cluster: true,
    fingerprint_content_cache_percentage: 100,
    ssd_pinning_percentage_limit: 25,
    enable_shadow_clones: true,
    enable_rf1_container: false,
    enable_rebuild_reservation: false,
    global_nfs_white_list: [],
    global_nfs_white_list_address: [],
    name_servers: [],
    name_servers_list: [],
    ntp_servers: [],
    ntp_servers_list: [],
    service_centers: [],
    http_proxies: [],
    rackable_units: [
      {
        id: 24,
        rackable_unit_uuid: '7f8f3d0e-5ac5-4b57-8a4e-6f2f5d0ac501',
        model: 'UseLayout',
        model_name: 'ACS-SIM',
        location: null,
        serial: 'ACSSIM000001',
        positions: hosts.map((_, at) => String(at + 1)),
        nodes: hosts.map((host) => host.number),
        node_uuids: hosts.map((host) => host.uuid),
      },
    ],
    public_keys: [],
    smtp_server: null,
    hypervisor_types: ['kKvm'],
    cluster_redundancy_state: {
      current_redundancy_factor: 2,
      desired_redundancy_factor: 2,
      redundancy_status: { kCassandraPrepareDone: true, kZookeeperPrepareDone: true },
    },
    multicluster: false,
    cloudcluster: false,
    has_self_encrypting_drive: false,
    is_upgrade_in_progress: false,
    security_compliance_config: {
      ...compliance,
      enable_kernel_mitigations: false,
      enable_kernel_core: false,
      ssh_security_level: 'DEFAULT',
      enable_lock_status: false,
      enable_snmpv3_only: false,
    },
    hypervisor_security_compliance_config: {
      ...compliance,
      enable_kernel_mitigations: null,
      enable_kernel_core: null,
      ssh_security_level: null,
      enable_lock_status: null,
    },
    hypervisor_lldp_config: { enable_lldp_tx: true },
    cluster_arch: 'X86_64',
    cluster_resiliency_preference: { current_resiliency_preference: 'IMMEDIATE', desired_resiliency_preference: null },
    iscsi_config: null,
    domain: null,
    nos_cluster_and_hosts_domain_joined: false,
    all_hyperv_nodes_in_failover_cluster: false,
    credential: null,
    stats: clusterStatistics,
    usage_stats: clusterUsage(usedBytes, capacityBytes),
    enforce_rackable_unit_aware_placement: false,
    disable_degraded_node_monitoring: false,
    common_criteria_mode: false,
    enable_on_disk_dedup: null,
    management_servers: null,
    fault_tolerance_domain_type: 'NODE',
    threshold_for_storage_thin_provision: null,
    recycle_bin_dto: { recycle_bin_ttlsecs: 86400, delete_intent_set: null },
    data_in_transit_encryption_dto: null,
  }
}

export function addressDto(address: string): object {
  return isIP(address) === 6 ? { ipv6: address } : { ipv4: address }
}

function listClusters({ cluster, query }: Request): Reply {
  const dto = clusterDto(cluster)
  const { items, metadata } = pageOf(
    [dto],
    query,
    () => cluster.identity.name,
    (item, name) => item[name],
  )
  return { body: { metadata, entities: items } }
}

function getCluster({ cluster, parameters }: Request): Reply {
  const dto = clusterDto(cluster)
  if (parameters.id === dto.uuid || parameters.id === dto.id) return { body: dto }
  throw new WireError(
    cluster.behaviour.unknownStatus,
    `Cluster ${parameters.id ?? ''} does not exist`,
    errorCodes.notFound,
  )
}
