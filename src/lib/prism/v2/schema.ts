/**
 * Prism v2.0 answers at the boundary: only the fields acs uses. Acropolis resources omit what is unset and
 * configuration resources send null (both recorded), so every field but an identity may be either.
 */
import * as v from 'valibot'
import { AcsError } from '../../base/errors.js'

export const text = v.nullish(v.string())
export const number = v.nullish(v.number())
export const flag = v.nullish(v.boolean())
/** Enums come in Title-case, upper or lower case, by resource (recorded). */
export const word = v.nullish(v.pipe(v.string(), v.toLowerCase()))

export function listOf<Item extends v.GenericSchema>(
  item: Item,
): v.OptionalSchema<v.NullableSchema<v.ArraySchema<Item, undefined>, undefined>, undefined> {
  return v.optional(v.nullable(v.array(item)))
}

const authentications = listOf(v.object({ auth_type: word }))

export const clusterSchema = v.object({
  uuid: text,
  cluster_uuid: text,
  name: text,
  version: text,
  num_nodes: number,
  cluster_external_data_services_ipaddress: text,
  cluster_external_ipaddress: text,
  timezone: text,
})

export const hostSchema = v.object({
  uuid: v.string(),
  name: text,
  hypervisor_address: text,
  hypervisor_full_name: text,
  service_vmexternal_ip: text,
  memory_capacity_in_bytes: number,
  num_cpu_cores: number,
  state: text,
})

export const storageContainerSchema = v.object({
  storage_container_uuid: v.string(),
  name: text,
  max_capacity: number,
  advertised_capacity: number,
  total_explicit_reserved_capacity: number,
  replication_factor: number,
  compression_enabled: flag,
  compression_delay_in_secs: number,
  finger_print_on_write: word,
  on_disk_dedup: word,
  erasure_code: word,
  is_nutanix_managed: flag,
  usage_stats: v.nullish(v.record(v.string(), v.unknown())),
})

export const volumeGroupSchema = v.object({
  uuid: v.string(),
  name: text,
  description: text,
  logical_timestamp: number,
  disk_list: listOf(
    v.object({
      index: number,
      vmdisk_uuid: text,
      vmdisk_size_bytes: number,
      vmdisk_size_mb: number,
      storage_container_uuid: text,
      // The older spelling; recorded answers carry both.
      container_uuid: text,
      vmdisk_path: text,
    }),
  ),
  iscsi_target: text,
  attachment_list: listOf(
    v.object({ client_uuid: text, iscsi_initiator_name: text, initiator_ip_address: text, vm_uuid: text }),
  ),
  flash_mode_enabled: flag,
  enabled_authentications: authentications,
  is_shared: flag,
  is_hidden: flag,
  load_balance_vm_attachments: flag,
  usage_type: text,
  created_by: text,
})
export type VolumeGroupEntity = v.InferOutput<typeof volumeGroupSchema>

export const iscsiClientSchema = v.object({
  uuid: v.string(),
  client_address: text,
  enabled_authentications: authentications,
})

export const taskSchema = v.object({
  uuid: v.string(),
  operation_type: text,
  progress_status: word,
  percentage_complete: number,
  message: text,
  meta_response: v.nullish(v.object({ error_code: number, error_detail: text })),
  entity_list: listOf(v.object({ entity_id: text, entity_type: text, entity_name: text })),
  create_time_usecs: number,
  complete_time_usecs: number,
})

/** What a call answers that became a task. */
export const taskReferenceSchema = v.object({ task_uuid: text })

export const collectionSchema = v.object({
  entities: v.nullish(v.array(v.unknown())),
  metadata: v.nullish(v.object({ grand_total_entities: number, page: number })),
})

/** Throws EACSPRISM when what came lacks what acs cannot do without. */
export function understand<Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
  what: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body)
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = v.getDotPath(issue)
  throw new AcsError('failed', 'EACSPRISM', `Prism's answer for ${what} is not as specified: ${issue.message}`, {
    details: path === null ? {} : { field: path },
    hints: ['Is the endpoint Prism Element (AOS 5.x to 7.x)? acs context show'],
  })
}

/** The items that can be understood: one odd entity must not hide all others. */
export function understandEach<Schema extends v.GenericSchema>(
  schema: Schema,
  items: readonly unknown[],
): v.InferOutput<Schema>[] {
  const understood: v.InferOutput<Schema>[] = []
  for (const item of items) {
    const result = v.safeParse(schema, item)
    if (result.success) understood.push(result.output)
  }
  return understood
}

/** Stats are strings, and "-1" says unknown (recorded). */
export function statistic(
  stats: Readonly<Record<string, unknown>> | null | undefined,
  name: string,
): number | undefined {
  const value = Number(stats?.[name] ?? Number.NaN)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/** Microseconds since 1970, 0 for never. */
export function dateOf(usecs: number | null | undefined): Date | undefined {
  return usecs ? new Date(usecs / 1000) : undefined
}
