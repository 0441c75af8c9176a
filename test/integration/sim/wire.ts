/** Everything these tests look at in an answer; which of it is there, each test says. */
export interface WireBody {
  /** Of the simulator's own console log. */
  text: string
  value: boolean
  message: string
  error_code: { code: number; help_url: string }
  metadata: Record<string, unknown>
  entities: WireBody[]
  uuid: string
  name: string
  description: string
  logical_timestamp: number
  iscsi_target: string
  disk_list: { index: number; vmdisk_uuid: string; vmdisk_size_bytes: number; storage_container_uuid: string }[]
  attachment_list: { client_uuid: string; iscsi_initiator_name?: string; vm_uuid?: string }[]
  task_uuid: string
  operation_type: string
  progress_status: string
  percentage_complete: number
  meta_response: { error_code: number; error_detail?: string }
  entity_list: { entity_id: string; entity_type: string }[]
  completed_tasks_info: WireBody[]
  timed_out?: boolean
  storage_container_uuid: string
  usage_stats: Record<string, string>
  id: string
  logins: number
  count: number | null
  cleared: number
  network_uuid: string
  vlan_id: number
  ip_config: {
    free_ips: number
    assigned_ips: number
    num_macs: number
    dhcp_server_address?: string
    pool: { range: string; num_free_ips: number; num_total_ips: number }[]
  }
  ip_address: string
  type: string
  image_state: string
  image_type: string
  annotation: string
  vm_disk_id: string
  vm_disk_size: number
  vm_disk_path: string
  power_state: string
  host_uuid?: string
  memory_mb: number
  vm_logical_timestamp: number
  vm_disk_info: {
    disk_address: {
      device_bus: string
      device_index: number
      disk_label: string
      vmdisk_uuid?: string
      ndfs_filepath?: string
      device_uuid?: string
      volume_group_uuid?: string
    }
    is_cdrom: boolean
    is_empty: boolean
    source_disk_address?: { vmdisk_uuid?: string; ndfs_filepath?: string }
    size?: number
    storage_container_uuid?: string
  }[]
  vm_nics: WireBody[]
  mac_address: string
  nic_uuid: string
  is_connected: boolean
  group_uuid: string
  snapshot_name: string
  vm_uuid: string
  /** What only v0.8 and v1 say. */
  taskUuid: string
  taskInfo: {
    entityList: { uuid: string; entityType: string }[]
    operationType: string
    progressStatus: string
    metaResponse?: { error: string; errorDetail?: string }
  }
  timedOut: boolean
  vmDiskId?: string
  vmDiskSize?: number
  vmDiskPath?: string
  state: string
  hostUuid?: string | null
  config: { name: string; vmDisks: WireBody[]; vmNics: WireBody[] }
  vmId: string
  vmName: string
  powerState: string
  hostName: string | null
  ipAddress?: string
  ipAddresses: string[]
  nutanixVirtualDisks: string[]
  vm_create_spec: { vm_disks: { vm_disk_clone?: { disk_address: { vmdisk_uuid: string } } }[] }
}
