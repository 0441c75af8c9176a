/**
 * Prism v2.0 answers about machines, as `schema.ts` has the others: the fields acs uses, each of which may be missing or
 * null but the identity. Shapes: recorded `GET /vms/` and `GET /networks/` of AOS 6.1, the rest as specified.
 */
import * as v from 'valibot'
import { flag, listOf, number, text, word } from './schema.js'

const diskAddress = v.nullish(
  v.object({
    device_bus: word,
    device_index: number,
    disk_label: text,
    vmdisk_uuid: text,
    // Of the device, where `vmdisk_uuid` is of what is in it.
    device_uuid: text,
    volume_group_uuid: text,
  }),
)

export const vmSchema = v.object({
  uuid: v.string(),
  name: text,
  description: text,
  vm_logical_timestamp: number,
  power_state: word,
  memory_mb: number,
  num_vcpus: number,
  num_cores_per_vcpu: number,
  host_uuid: text,
  timezone: text,
  boot: v.nullish(v.object({ uefi_boot: flag })),
  vm_disk_info: listOf(
    v.object({
      disk_address: diskAddress,
      is_cdrom: flag,
      is_empty: flag,
      flash_mode_enabled: flag,
      size: number,
      storage_container_uuid: text,
      source_disk_address: diskAddress,
    }),
  ),
  vm_nics: listOf(
    v.object({
      mac_address: text,
      network_uuid: text,
      is_connected: flag,
      ip_address: text,
      ip_addresses: listOf(v.string()),
    }),
  ),
})
export type VmEntity = v.InferOutput<typeof vmSchema>
export type VmDiskEntity = NonNullable<VmEntity['vm_disk_info']>[number]

export const vmSnapshotSchema = v.object({
  uuid: v.string(),
  snapshot_name: text,
  vm_uuid: text,
  created_time: number,
  logical_timestamp: number,
  deleted: flag,
})

export const imageSchema = v.object({
  uuid: v.string(),
  name: text,
  annotation: text,
  image_type: word,
  image_state: word,
  vm_disk_id: text,
  vm_disk_size: number,
  storage_container_uuid: text,
  created_time_in_usecs: number,
  logical_timestamp: number,
  deleted: flag,
})

export const networkSchema = v.object({
  uuid: v.string(),
  name: text,
  annotation: text,
  vlan_id: number,
  logical_timestamp: number,
  vswitch_name: text,
  ip_config: v.nullish(
    v.object({
      network_address: text,
      prefix_length: number,
      ipam_enabled: flag,
      default_gateway: text,
      dhcp_server_address: text,
      dhcp_options: v.nullish(v.object({ domain_name: text, domain_name_servers: text })),
      pool: listOf(v.object({ range: text })),
      free_ips: number,
      assigned_ips: number,
    }),
  ),
})
export type NetworkEntity = v.InferOutput<typeof networkSchema>
