import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { HostRecord } from '../../store/records.js'
import { hostMemoryBytes } from '../../vm-power.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { pageOf } from '../collection.js'
import type { Reply, Request, Route } from '../routes.js'
import { addressDto } from './cluster.js'
import { clusterUsage, entityStatistics } from './statistics.js'

export const hostRoutes: readonly Route[] = [
  { api: 'v2.0', method: 'GET', path: '/hosts', answer: listHosts },
  { api: 'v2.0', method: 'GET', path: '/hosts/{uuid}', answer: getHost },
]

/** From the specification, with null for what has no value, as config resources were recorded to do. */
function hostDto(cluster: SimulatedCluster, host: HostRecord): Record<string, unknown> {
  return {
    service_vmid: `${cluster.identity.uuid}::${host.number}`,
    uuid: host.uuid,
    name: host.name,
    cluster_uuid: cluster.identity.uuid,
    service_vmexternal_ip: host.controllerVmAddress,
    service_vmexternal_address: null,
    hypervisor_key: host.hypervisorAddress,
    hypervisor_address: host.hypervisorAddress,
    hypervisor_address_value: [addressDto(host.hypervisorAddress)],
    hypervisor_username: 'root',
    hypervisor_password: null,
    backplane_ip: null,
    controller_vm_backplane_ip: host.controllerVmAddress,
    rdma_backplane_ips: null,
    ipmi_address: null,
    ipmi_address_value: null,
    ipmi_username: null,
    ipmi_password: null,
    monitored: true,
    position: null,
    serial: `ACSSIM-${host.number}`,
    block_serial: 'ACSSIM000001',
    block_model: 'UseLayout',
    block_model_name: 'ACS-SIM',
    block_location: null,
    host_maintenance_mode_reason: null,
    host_in_maintenance_mode: null,
    hypervisor_state: 'kAcropolisNormal',
    acropolis_connection_state: 'kConnected',
    metadata_store_status: 'kNormalMode',
    metadata_store_status_message: 'Metadata store enabled on the node',
    state: 'NORMAL',
    removal_status: ['NA'],
    vzone_name: '',
    cpu_model: 'Simulated CPU',
    num_cpu_cores: 16,
    num_cpu_threads: 32,
    num_cpu_sockets: 2,
    cpu_frequency_in_hz: 2_600_000_000,
    cpu_capacity_in_hz: 41_600_000_000,
    memory_capacity_in_bytes: hostMemoryBytes,
    hypervisor_full_name: 'Nutanix 20201105.2244',
    hypervisor_type: 'kKvm',
    num_vms: [...cluster.store.vms.values()].filter((vm) => vm.hostUuid === host.uuid).length,
    boot_time_in_usecs: cluster.identity.incarnationId,
    is_degraded: false,
    is_secure_booted: false,
    is_hardware_virtualized: true,
    failover_cluster_fqdn: null,
    failover_cluster_node_state: null,
    reboot_pending: false,
    default_vm_location: null,
    default_vm_storage_container_id: null,
    default_vm_storage_container_uuid: null,
    default_vhd_location: null,
    default_vhd_storage_container_id: null,
    default_vhd_storage_container_uuid: null,
    bios_version: null,
    bios_model: null,
    bmc_version: null,
    bmc_model: null,
    host_type: 'HYPER_CONVERGED',
    has_csr: false,
    host_nic_ids: [],
    host_gpus: null,
    gpu_driver_version: null,
    stats: entityStatistics,
    usage_stats: clusterUsage(0, 0),
  }
}

function listHosts({ cluster, query }: Request): Reply {
  const dtos = [...cluster.store.hosts.values()].map((host) => hostDto(cluster, host))
  const { items, metadata } = pageOf(
    dtos,
    query,
    (host) => String(host.name),
    (host, name) => host[name],
  )
  return { body: { metadata, entities: items } }
}

function getHost({ cluster, parameters }: Request): Reply {
  const host = cluster.store.hosts.get(parameters.uuid?.toLowerCase() ?? '')
  if (host) return { body: hostDto(cluster, host) }
  throw new WireError(
    cluster.behaviour.unknownStatus,
    `Host ${parameters.uuid ?? ''} does not exist`,
    errorCodes.notFound,
  )
}
