import nock from 'nock'
import { base, origin, taskBody } from './nock-prism.js'

export const vmUuid = 'e917f8e2-8491-40fc-81e1-af5c3365634d'
export const cookie = { 'set-cookie': 'JSESSIONID=x' }

/** A machine in the shape recorded of AOS 6.1, with an interface and a volume group as specified. */
export function vmBody(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    allow_live_migrate: true,
    boot: { disk_address: { device_bus: 'scsi', device_index: 0 }, boot_device_type: 'disk', uefi_boot: true },
    host_uuid: 'd4992e15-8a67-4b8f-a4d5-e8e6b6abdb1f',
    memory_mb: 2048,
    name: 'web',
    num_cores_per_vcpu: 1,
    num_vcpus: 2,
    power_state: 'on',
    timezone: 'UTC',
    uuid: vmUuid,
    vm_disk_info: [
      {
        disk_address: {
          device_bus: 'scsi',
          device_index: 0,
          disk_label: 'scsi.0',
          vmdisk_uuid: '7bbcef72-3498-44ef-8c5e-0fff0310febc',
          device_uuid: 'b1f07604-11b3-4ca9-8312-3b12cad662c4',
        },
        is_cdrom: false,
        is_empty: false,
        flash_mode_enabled: true,
        source_disk_address: { vmdisk_uuid: '2139910a-f848-42a6-8ade-82c6a54287bb' },
        storage_container_uuid: '300598e1-81ea-4f1a-8a4b-a5e703d9f2c3',
        size: 42_949_672_960,
      },
      {
        disk_address: { device_bus: 'scsi', device_index: 1, disk_label: 'scsi.1', volume_group_uuid: 'g1' },
        is_cdrom: false,
      },
      { disk_address: { device_bus: 'ide', device_index: 0, disk_label: 'ide.0' }, is_cdrom: true, is_empty: true },
    ],
    vm_nics: [
      {
        mac_address: '50:6b:8d:b2:b2:33',
        network_uuid: 'n1',
        ip_address: '10.0.0.7',
        ip_addresses: ['10.0.0.7', 'fd00::7'],
        is_connected: true,
      },
    ],
    vm_logical_timestamp: 4,
    ...fields,
  }
}

/** Expects to be asked for the machine once, or as often as there are bodies, with disks and interfaces. */
export function reads(...bodies: (Record<string, unknown> | 404)[]): void {
  for (const body of bodies)
    nock(origin)
      .get(`${base}/vms/${vmUuid}`)
      .query({ include_vm_disk_config: true, include_vm_nic_config: true })
      .reply(body === 404 ? 404 : 200, body === 404 ? {} : body, cookie)
}

/** Expects one call, which becomes the task `t1`; what it was sent is told. */
export function becomesTask(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  task: Record<string, unknown> = taskBody('Succeeded'),
): { sent: () => unknown } {
  let sent: unknown
  nock(origin)
    .intercept(base + path, method, (body: unknown) => {
      sent = body
      return true
    })
    .reply(201, { task_uuid: 't1' }, cookie)
  nock(origin).get(`${base}/tasks/t1`).reply(200, task)
  return { sent: () => sent }
}

export function failedTask(error_detail: string): Record<string, unknown> {
  return taskBody('Failed', { meta_response: { error_code: 1, error_detail } })
}
