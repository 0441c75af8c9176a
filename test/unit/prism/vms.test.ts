import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import nock from 'nock'
import { describe, expect, it } from 'vitest'
import type { PowerTransition, Vm } from '../../../src/lib/prism/prism.js'
import { requirement } from '../../requirements.js'
import { specsFolder } from '../../specs.js'
import { base, client, origin, taskBody, useNock } from './nock-prism.js'
import { becomesTask, cookie, failedTask, reads, vmBody, vmUuid } from './nock-vms.js'

useNock()

const details = { include_vm_disk_config: true, include_vm_nic_config: true }
const path = `/vms/${vmUuid}`

async function seenVm(fields: Record<string, unknown> = {}): Promise<Vm> {
  reads(vmBody(fields))
  return client().prism.vm(vmUuid)
}

describe('a machine', () => {
  it('is read with disks, interfaces and addresses', async () => {
    expect(await seenVm()).toEqual({
      uuid: vmUuid,
      name: 'web',
      description: '',
      logicalTimestamp: 4,
      powerState: 'on',
      memoryBytes: 2 * 1024 ** 3,
      vcpus: 2,
      coresPerVcpu: 1,
      hostUuid: 'd4992e15-8a67-4b8f-a4d5-e8e6b6abdb1f',
      timezone: 'UTC',
      uefi: true,
      disks: [
        {
          bus: 'scsi',
          index: 0,
          label: 'scsi.0',
          cdrom: false,
          empty: false,
          uuid: '7bbcef72-3498-44ef-8c5e-0fff0310febc',
          sizeBytes: 42_949_672_960,
          storageContainerUuid: '300598e1-81ea-4f1a-8a4b-a5e703d9f2c3',
          sourceUuid: '2139910a-f848-42a6-8ade-82c6a54287bb',
        },
        { bus: 'scsi', index: 1, label: 'scsi.1', cdrom: false, empty: false, volumeGroupUuid: 'g1' },
        { bus: 'ide', index: 0, label: 'ide.0', cdrom: true, empty: true },
      ],
      nics: [
        { macAddress: '50:6b:8d:b2:b2:33', networkUuid: 'n1', connected: true, addresses: ['10.0.0.7', 'fd00::7'] },
      ],
      addresses: ['10.0.0.7', 'fd00::7'],
    })
  })

  it('may lack all that is unset, say null, or have words nobody knows', async () => {
    const entities = [
      { uuid: 'v1' },
      { uuid: 'v2', name: null, boot: null, vm_disk_info: null, vm_nics: null, power_state: null, host_uuid: null },
      { uuid: 'v3', power_state: 'HIBERNATING', vm_disk_info: [{ disk_address: { device_bus: 'virtio' } }, {}] },
      { uuid: 'v4', power_state: 'SHUTTING_DOWN', vm_nics: [{ ip_address: '10.0.0.8' }, {}] },
      { name: 'no uuid' },
    ]
    nock(origin).get(`${base}/vms/`).query(details).reply(200, { entities }, cookie)
    const vms = await client().prism.vms()
    expect(vms.map(({ uuid, powerState }) => [uuid, powerState])).toEqual([
      ['v1', 'unknown'],
      ['v2', 'unknown'],
      ['v3', 'unknown'],
      ['v4', 'changing'],
    ])
    expect(vms[2]?.disks).toMatchObject([
      { bus: 'unknown', label: 'virtio.0' },
      { bus: 'unknown', index: 1 },
    ])
    expect(vms[3]?.addresses).toEqual(['10.0.0.8'])
  })

  it('that is unknown is not found, also where the cluster answers 500', async () => {
    nock(origin)
      .get(base + path)
      .query(details)
      .reply(500, { message: 'no such entity' }, cookie)
    nock(origin).get(`${base}/vms/`).query(details).reply(200, { entities: [] })
    await expect(client().prism.vm(vmUuid)).rejects.toMatchObject({
      code: 'EACSNOTFOUND',
      message: `there is no VM ${vmUuid}`,
      hints: ['List them: acs vm list'],
    })
  })

  it('just made may be unknown for a moment', async () => {
    reads(404, vmBody())
    expect(await client().prism.vm(vmUuid, { tolerateNotFoundMs: 5_000 })).toMatchObject({ name: 'web' })
  })
})

describe('the list of machines', () => {
  const all = Array.from({ length: 5 }, (_, number) => vmBody({ uuid: `v${number}` }))

  it('is asked for further where the answer has fewer than it tells of', async () => {
    const asked: string[] = []
    nock(origin)
      .get(`${base}/vms/`)
      .query(true)
      .times(3)
      .reply((uri) => {
        const { searchParams } = new URL(uri, origin)
        expect(Object.fromEntries(searchParams)).toMatchObject({
          include_vm_disk_config: 'true',
          include_vm_nic_config: 'true',
        })
        asked.push(`${searchParams.get('offset') ?? '-'} ${searchParams.get('length') ?? '-'}`)
        const offset = Number(searchParams.get('offset') ?? 0)
        return [200, { metadata: { grand_total_entities: 5 }, entities: all.slice(offset, offset + 2) }, cookie]
      })
    expect((await client().prism.vms()).map(({ uuid }) => uuid)).toEqual(['v0', 'v1', 'v2', 'v3', 'v4'])
    expect(asked).toEqual(['- -', '2 2', '4 2'])
  })

  it.each([
    ['the same machines again', all.slice(0, 2)],
    ['none', []],
  ])('ends with an answer that has %s', async (_what, second) => {
    const metadata = { grand_total_entities: 5 }
    nock(origin)
      .get(`${base}/vms/`)
      .query(details)
      .reply(200, { metadata, entities: all.slice(0, 2) }, cookie)
    nock(origin)
      .get(`${base}/vms/`)
      .query({ ...details, offset: 2, length: 2 })
      .reply(200, { metadata, entities: second })
    expect(await client().prism.vms()).toHaveLength(2)
  })
})

describe('making a machine', () => {
  const spec = {
    name: 'web',
    uuid: vmUuid,
    memoryBytes: 2 * 1024 ** 3,
    vcpus: 2,
    uefi: true,
    disks: [
      { kind: 'clone', cloneOf: 'i1', minimumSizeBytes: 2 ** 34 },
      { kind: 'empty', sizeBytes: 2 ** 30, storageContainerUuid: 'c1', bus: 'nvme', index: 3 },
      { kind: 'cdrom' },
      { kind: 'cdrom', cloneOf: 'i2' },
      { kind: 'volume-group', volumeGroupUuid: 'g1' },
    ],
    nics: [{ networkUuid: 'n1' }, { networkUuid: 'n2', requestedAddress: '10.0.0.9', macAddress: '50:6b:8d:00:00:01' }],
    userData: '#cloud-config\npassword: hunter22\n',
  } as const

  it('says it in the words of the specification', async () => {
    const call = becomesTask('POST', '/vms/')
    const whole = vmBody({ vm_disk_info: [{}, {}, {}, {}, {}, {}], vm_nics: [{}, {}] })
    reads(404, vmBody(), whole)
    const { prism, events } = client()
    expect(await prism.createVm({ ...spec, disks: [...spec.disks], nics: [...spec.nics] })).toEqual({
      uuid: vmUuid,
      taskUuid: 't1',
    })
    expect(call.sent()).toEqual({
      uuid: vmUuid,
      name: 'web',
      memory_mb: 2048,
      num_vcpus: 2,
      num_cores_per_vcpu: 1,
      boot: { uefi_boot: true },
      vm_disks: [
        {
          disk_address: { device_bus: 'SCSI' },
          is_cdrom: false,
          vm_disk_clone: { disk_address: { vmdisk_uuid: 'i1' }, minimum_size: 2 ** 34 },
        },
        {
          disk_address: { device_bus: 'NVME', device_index: 3 },
          is_cdrom: false,
          vm_disk_create: { size: 2 ** 30, storage_container_uuid: 'c1' },
        },
        { disk_address: { device_bus: 'IDE' }, is_cdrom: true, is_empty: true },
        {
          disk_address: { device_bus: 'IDE' },
          is_cdrom: true,
          is_empty: false,
          vm_disk_clone: { disk_address: { vmdisk_uuid: 'i2' } },
        },
        { disk_address: { device_bus: 'SCSI', volume_group_uuid: 'g1' }, is_cdrom: false },
      ],
      vm_nics: [
        { network_uuid: 'n1' },
        { network_uuid: 'n2', request_ip: true, requested_ip_address: '10.0.0.9', mac_address: '50:6b:8d:00:00:01' },
      ],
      vm_customization_config: { datasource_type: 'CONFIG_DRIVE_V2', userdata: spec.userData },
    })
    const log = JSON.stringify(events)
    expect(log).toContain('CONFIG_DRIVE_V2')
    expect(log).not.toContain('hunter22')
  })

  it('again meets the first try', async () => {
    nock(origin).post(`${base}/vms/`).reply(500, { message: 'uuid already exists' }, cookie)
    reads(vmBody())
    expect(await client().prism.createVm({ ...spec, disks: [], nics: [] })).toMatchObject({ uuid: vmUuid })
  })

  it('tells of the machine that has the name', async () => {
    becomesTask('POST', '/vms/', failedTask('name already in use'))
    reads(404)
    nock(origin)
      .get(`${base}/vms/`)
      .query(details)
      .reply(200, { entities: [vmBody({ uuid: 'v2' })] })
    await expect(client().prism.createVm({ ...spec, disks: [], nics: [] })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSEXISTS',
      message: 'there is already a VM "web"',
      details: { uuid: 'v2' },
    })
  })

  it('by cloning says what is otherwise', async () => {
    const call = becomesTask(
      'POST',
      '/vms/v9/clone',
      taskBody('Succeeded', {
        entity_list: [
          { entity_id: 'v9', entity_type: 'VM' },
          { entity_id: vmUuid, entity_type: 'VM' },
        ],
      }),
    )
    reads(vmBody())
    const clone = {
      name: 'web',
      uuid: vmUuid,
      memoryBytes: 2 ** 30 + 1,
      nics: [{ networkUuid: 'n1' }],
      userData: '#!/bin/sh',
    }
    expect(await client().prism.cloneVm('v9', clone)).toEqual({ uuid: vmUuid, taskUuid: 't1' })
    expect(call.sent()).toEqual({
      spec_list: [
        {
          name: 'web',
          uuid: vmUuid,
          memory_mb: 1025,
          override_network_config: true,
          vm_nics: [{ network_uuid: 'n1' }],
        },
      ],
      vm_customization_config: { datasource_type: 'CONFIG_DRIVE_V2', userdata: '#!/bin/sh' },
    })
  })
})

describe('changing a machine', () => {
  it('sends what it has with what changes, at the version that was seen', async () => {
    const vm = await seenVm()
    const call = becomesTask('PUT', `${path}/`)
    expect(await client().prism.updateVm(vm, { vcpus: 4, description: 'busy', name: undefined })).toEqual({
      taskUuid: 't1',
    })
    expect(call.sent()).toEqual({
      uuid: vmUuid,
      vm_logical_timestamp: 4,
      name: 'web',
      description: 'busy',
      memory_mb: 2048,
      num_vcpus: 4,
      num_cores_per_vcpu: 1,
      timezone: 'UTC',
    })
  })

  it('that someone else has changed is a conflict', async () => {
    const vm = await seenVm()
    becomesTask('PUT', `${path}/`, failedTask('LogicalTimestampMismatch: 8'))
    reads(vmBody({ vm_logical_timestamp: 5 }))
    await expect(client().prism.updateVm(vm, { vcpus: 4 })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSSTALE',
      details: { expectedTimestamp: 4, actualTimestamp: 5 },
    })
  })

  it('is done where a repeat is refused and the machine shows it', async () => {
    const vm = await seenVm()
    nock(origin).put(`${base}${path}/`).reply(504, {}, cookie)
    nock(origin).put(`${base}${path}/`).reply(500, { message: 'logical timestamp mismatch' }, cookie)
    reads(vmBody({ vm_logical_timestamp: 5, num_vcpus: 4 }))
    expect(await client().prism.updateVm(vm, { vcpus: 4 })).toEqual({})
  })

  it('while it runs may want it off', async () => {
    const vm = await seenVm()
    becomesTask('PUT', `${path}/`, failedTask('InvalidVmState: VM must be powered off'))
    reads(vmBody({ vm_logical_timestamp: 5 }))
    await expect(client().prism.updateVm(vm, { coresPerVcpu: 2 })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSPOWERSTATE',
    })
  })

  it('without a version is not tried', async () => {
    const vm = await seenVm({ vm_logical_timestamp: undefined })
    await expect(client().prism.updateVm(vm, { vcpus: 4 })).rejects.toMatchObject({ code: 'EACSPRISM' })
  })
})

describe('deleting a machine', () => {
  it('is guarded by its version', async () => {
    const vm = await seenVm()
    becomesTask('DELETE', `${path}/?delete_snapshots=true&logical_timestamp=4`)
    expect(await client().prism.deleteVm(vm, { withSnapshots: true })).toEqual({ taskUuid: 't1' })
  })

  it('that has a volume group says how to detach it', async () => {
    const vm = await seenVm()
    // The text is recorded.
    const words = 'INVALID_ARGUMENT: Invalid Argument: 6 :Volume group at scsi.1 must be detached before deleting VM.'
    becomesTask('DELETE', `${path}/?delete_snapshots=false&logical_timestamp=4`, failedTask(words))
    reads(vmBody())
    await expect(client().prism.deleteVm(vm)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSVMHASVOLUMES',
      details: { uuid: vmUuid, volumeGroupUuids: ['g1'] },
      hints: ['Detach it first: acs vm detach-volume web g1'],
    })
  })

  it('that is gone is done only where it may have been us', async () => {
    const vm = await seenVm()
    const call = `${base}${path}/?delete_snapshots=false&logical_timestamp=4`
    nock(origin).delete(call).reply(404, {}, cookie)
    reads(404)
    await expect(client().prism.deleteVm(vm)).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
    nock(origin).delete(call).reply(504, {}, cookie)
    nock(origin).delete(call).reply(404, {}, cookie)
    reads(404)
    expect(await client().prism.deleteVm(vm)).toEqual({})
  })
})

describe('the power state', () => {
  it.each([
    ['on', 'ON'],
    ['off', 'OFF'],
    ['power-cycle', 'POWERCYCLE'],
    ['reset', 'RESET'],
    ['pause', 'PAUSE'],
    ['suspend', 'SUSPEND'],
    ['resume', 'RESUME'],
    ['acpi-shutdown', 'ACPI_SHUTDOWN'],
    ['acpi-reboot', 'ACPI_REBOOT'],
  ] satisfies [PowerTransition, string][])('is set by %s with %s', async (transition, word) => {
    const call = becomesTask('POST', `${path}/set_power_state/`)
    expect(await client().prism.setPowerState(vmUuid, transition, { hostUuid: 'h1' })).toEqual({ taskUuid: 't1' })
    expect(call.sent()).toEqual({ uuid: vmUuid, transition: word, host_uuid: 'h1' })
  })

  it.each([
    ['NoHostResources: 14 :Not enough memory', 'EACSNORESOURCES', 'failed'],
    ['kNoHostResources', 'EACSNORESOURCES', 'failed'],
    ['There is not enough memory on any host', 'EACSNORESOURCES', 'failed'],
    ['InvalidVmState: 50', 'EACSPOWERSTATE', 'conflict'],
    ['INVALID_STATE: Invalid State: 7 :VM is already powered on', 'EACSPOWERSTATE', 'conflict'],
    ['Cannot complete request in the current state', 'EACSPOWERSTATE', 'conflict'],
    ['The VM cannot be paused while powered off', 'EACSPOWERSTATE', 'conflict'],
    ['INVALID_ARGUMENT: Invalid Argument: 6 :No such host', 'EACSTASKFAILED', 'failed'],
    ['The disk image is in the wrong container', 'EACSTASKFAILED', 'failed'],
  ])('refused with "%s" is %s', async (words, code, kind) => {
    becomesTask('POST', `${path}/set_power_state/`, failedTask(words))
    await expect(client().prism.setPowerState(vmUuid, 'on')).rejects.toMatchObject({
      ...{ code, kind },
      message: expect.stringContaining(words) as string,
    })
  })

  it('is as wanted where a repeat is refused and the machine shows it', async () => {
    nock(origin).post(`${base}${path}/set_power_state/`).reply(504, {}, cookie)
    becomesTask('POST', `${path}/set_power_state/`, failedTask('InvalidVmState: VM is already powered on'))
    reads(vmBody())
    expect(await client().prism.setPowerState(vmUuid, 'on')).toEqual({})
  })

  it('is not reset twice', async () => {
    nock(origin).post(`${base}${path}/set_power_state/`).reply(504, {}, cookie)
    await expect(client().prism.setPowerState(vmUuid, 'reset')).rejects.toMatchObject({
      code: 'EACSUNREACHABLE',
      details: { ambiguous: true },
    })
  })
})

describe('disks of a machine', () => {
  it('are added', async () => {
    const call = becomesTask('POST', `${path}/disks/attach`)
    await client().prism.addVmDisk(vmUuid, { kind: 'empty', sizeBytes: 2 ** 30, storageContainerUuid: 'c1' })
    expect(call.sent()).toEqual({
      uuid: vmUuid,
      vm_disks: [
        {
          disk_address: { device_bus: 'SCSI' },
          is_cdrom: false,
          vm_disk_create: { size: 2 ** 30, storage_container_uuid: 'c1' },
        },
      ],
    })
  })

  it('are removed by address and content', async () => {
    const vm = await seenVm()
    const call = becomesTask('POST', `${path}/disks/detach`)
    await client().prism.removeVmDisk(vm, 'scsi.1')
    expect(call.sent()).toEqual({
      uuid: vmUuid,
      vm_disks: [{ disk_address: { device_bus: 'SCSI', device_index: 1, volume_group_uuid: 'g1' }, is_cdrom: false }],
    })
    await expect(client().prism.removeVmDisk(vm, 'scsi.7')).rejects.toMatchObject({
      code: 'EACSNOTFOUND',
      hints: ['It has: scsi.0, scsi.1, ide.0'],
    })
  })

  it('are gone after a lost answer where the machine shows it, and are not removed twice', async () => {
    const vm = await seenVm()
    nock(origin).post(`${base}${path}/disks/detach`).times(2).reply(504, {}, cookie)
    reads(vmBody({ vm_disk_info: [] }), vmBody())
    const { prism } = client()
    expect(await prism.removeVmDisk(vm, 'scsi.0')).toEqual({})
    await expect(prism.removeVmDisk(vm, 'scsi.0')).rejects.toMatchObject({ code: 'EACSUNREACHABLE' })
  })

  it('grow in place, until they show it', async () => {
    const vm = await seenVm()
    const [disk, ...others] = vmBody().vm_disk_info as Record<string, unknown>[]
    reads(vmBody())
    const call = becomesTask('PUT', `${path}/disks/update`)
    reads(vmBody(), vmBody({ vm_disk_info: [{ ...disk, size: 2 ** 36 }, ...others] }))
    expect(await client().prism.resizeVmDisk(vm, 'scsi.0', 2 ** 36)).toEqual({ taskUuid: 't1' })
    expect(call.sent()).toEqual({
      vm_disks: [
        {
          disk_address: {
            vmdisk_uuid: '7bbcef72-3498-44ef-8c5e-0fff0310febc',
            device_uuid: 'b1f07604-11b3-4ca9-8312-3b12cad662c4',
            device_index: 0,
            device_bus: 'SCSI',
          },
          flash_mode_enabled: true,
          is_cdrom: false,
          is_empty: false,
          vm_disk_create: { size: 2 ** 36, storage_container_uuid: '300598e1-81ea-4f1a-8a4b-a5e703d9f2c3' },
        },
      ],
    })
  })

  it.each([
    ['scsi.0', 1024, 'usage', 'EACSSIZE', 'can only grow'],
    ['scsi.1', 2 ** 36, 'usage', 'EACSSIZE', 'is a volume group'],
    ['ide.0', 2 ** 36, 'usage', 'EACSSIZE', 'is a CD-ROM drive'],
  ])('do not all grow: %s to %d', async (label, sizeBytes, kind, code, why) => {
    const vm = await seenVm()
    reads(vmBody())
    await expect(client().prism.resizeVmDisk(vm, label, sizeBytes)).rejects.toMatchObject({
      ...{ kind, code },
      message: expect.stringContaining(why) as string,
    })
  })

  it('grow only where they are still the same', async () => {
    const vm = await seenVm()
    reads(vmBody({ vm_disk_info: [{ disk_address: { disk_label: 'scsi.0', vmdisk_uuid: 'x' }, size: 1 }] }))
    await expect(client().prism.resizeVmDisk(vm, 'scsi.0', 2 ** 36)).rejects.toMatchObject({ code: 'EACSSTALE' })
    reads(vmBody())
    expect(await client().prism.resizeVmDisk(vm, 'scsi.0', 42_949_672_960)).toEqual({})
  })
})

describe('interfaces of a machine', () => {
  it('are added', async () => {
    const call = becomesTask('POST', `${path}/nics/`)
    await client().prism.addVmNic(vmUuid, { networkUuid: 'n1', requestedAddress: '10.0.0.9' })
    expect(call.sent()).toEqual({
      uuid: vmUuid,
      spec_list: [{ network_uuid: 'n1', request_ip: true, requested_ip_address: '10.0.0.9' }],
    })
  })

  it('are removed by their MAC address', async () => {
    becomesTask('DELETE', `${path}/nics/50:6b:8d:b2:b2:33`)
    expect(await client().prism.removeVmNic(vmUuid, '50:6b:8d:b2:b2:33')).toEqual({ taskUuid: 't1' })
  })

  it('that are not there are not found', async () => {
    nock(origin).delete(`${base}${path}/nics/50:6b:8d:00:00:00`).reply(500, { message: 'no' }, cookie)
    reads(vmBody())
    await expect(client().prism.removeVmNic(vmUuid, '50:6b:8d:00:00:00')).rejects.toMatchObject({
      code: 'EACSNOTFOUND',
      message: 'the VM "web" has no interface 50:6b:8d:00:00:00',
      hints: ['It has: 50:6b:8d:b2:b2:33'],
    })
  })
})

describe('snapshots of a machine', () => {
  const snapshot = {
    uuid: 's1',
    snapshot_name: 'before',
    vm_uuid: vmUuid,
    created_time: 1_610_288_160_827_398,
    logical_timestamp: 2,
    deleted: false,
  }
  const seen = { uuid: 's1', name: 'before', vmUuid, createdAt: new Date(1_610_288_160_827.398), logicalTimestamp: 2 }

  it('are listed, without those that are deleted', async () => {
    const entities = [snapshot, { ...snapshot, uuid: 's2', deleted: true }, { ...snapshot, uuid: 's3', vm_uuid: 'v9' }]
    nock(origin).get(`${base}/snapshots/`).query({ vm_uuid: vmUuid }).reply(200, { entities }, cookie)
    nock(origin).get(`${base}/snapshots/`).reply(200, { entities }, cookie)
    const { prism } = client()
    expect(await prism.vmSnapshots(vmUuid)).toEqual([seen])
    expect(await prism.vmSnapshots()).toHaveLength(2)
  })

  it('are taken, deleted and gone back to', async () => {
    const created = becomesTask(
      'POST',
      '/snapshots/',
      taskBody('Succeeded', {
        entity_list: [
          { entity_id: 's1', entity_type: 'Snapshot' },
          { entity_id: vmUuid, entity_type: 'VM' },
        ],
      }),
    )
    nock(origin).get(`${base}/snapshots/s1`).reply(200, snapshot)
    const { prism } = client()
    expect(await prism.createVmSnapshot(vmUuid, 'before')).toEqual({ uuid: 's1', taskUuid: 't1' })
    expect(created.sent()).toMatchObject({ snapshot_specs: [{ vm_uuid: vmUuid, snapshot_name: 'before' }] })
    const restored = becomesTask('POST', `${path}/restore`)
    expect(await prism.restoreVm(vmUuid, 's1')).toEqual({ taskUuid: 't1' })
    expect(restored.sent()).toEqual({ uuid: vmUuid, snapshot_uuid: 's1', restore_network_configuration: true })
    becomesTask('DELETE', '/snapshots/s1?logical_timestamp=2')
    expect(await prism.deleteVmSnapshot(seen)).toEqual({ taskUuid: 't1' })
  })
})

const recorded = join(specsFolder, 'recorded-v2')

describe.skipIf(!requirement('recorded answers', [{ folder: recorded }]))('machines recorded on AOS 6.1', () => {
  it('are understood', async () => {
    const text = readFileSync(join(recorded, 'get_vms_include_disk_v2.json'), 'utf8')
    nock(origin).get(`${base}/vms/`).query(details).reply(200, text, cookie)
    const vms = await client().prism.vms()
    expect(vms).toHaveLength(20)
    expect(vms.every(({ powerState }) => powerState === 'on')).toBe(true)
    expect(vms.flatMap(({ disks }) => disks).every(({ bus, label, index }) => label === `${bus}.${index}`)).toBe(true)
    expect(vms[0]).toMatchObject({
      name: 'karbon-stackstate-c9a026-k8s-worker-1',
      logicalTimestamp: 4,
      memoryBytes: 32 * 1024 ** 3,
      vcpus: 8,
      uefi: false,
      nics: [],
      disks: [
        { label: 'scsi.0', sourceUuid: '2139910a-f848-42a6-8ade-82c6a54287bb' },
        {},
        { cdrom: true, empty: false },
      ],
    })
  })
})
