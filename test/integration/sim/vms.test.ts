import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { defaultContainer, gib, makeVm, readVm, startRig, type Rig } from './sim-client.js'
import type { WireBody } from './wire.js'

const mib = 1024 ** 2

let rig: Rig
let container: string
let network: string

beforeAll(async () => {
  rig = await startRig()
  container = await defaultContainer(rig.client)
  const { body } = await rig.client.post('/networks', {
    name: 'managed',
    vlan_id: 7,
    ip_config: {
      network_address: '10.1.0.0',
      prefix_length: 24,
      default_gateway: '10.1.0.1',
      pool: [{ range: '10.1.0.10 10.1.0.99' }],
    },
  })
  network = body.network_uuid
})

afterEach(() => {
  rig.simulator.behaviour.taskDurationMs = 0
})

afterAll(async () => {
  await rig.close()
})

function disk(sizeBytes: number, more: object = {}): object {
  return { vm_disk_create: { size: sizeBytes, storage_container_uuid: container }, ...more }
}

const read = (uuid: string): Promise<WireBody> => readVm(rig.client, uuid)

async function power(uuid: string, transition: string, more: object = {}): Promise<WireBody> {
  return rig.client.done(rig.client.post(`/vms/${uuid}/set_power_state/`, { transition, ...more }))
}

async function makeGroup(name: string): Promise<string> {
  const task = await rig.client.done(rig.client.post('/volume_groups', { name, disk_list: [] }))
  return task.entity_list[0]!.entity_id
}

function errorOf(task: WireBody): string {
  expect(task.progress_status).toBe('Failed')
  return task.meta_response.error_detail ?? ''
}

describe('machines', () => {
  it('are made off, and show disks and interfaces only when asked', async () => {
    const uuid = await makeVm(rig.client, {
      name: 'first',
      description: 'for tests',
      vm_disks: [disk(gib), { is_cdrom: true, is_empty: true }],
      vm_nics: [{ network_uuid: network }],
    })
    const { body } = await rig.client.get(`/vms/${uuid}`)
    expect(body).toEqual({
      allow_live_migrate: true,
      gpus_assigned: false,
      description: 'for tests',
      ha_priority: 0,
      memory_mb: 1024,
      name: 'first',
      num_cores_per_vcpu: 1,
      num_vcpus: 1,
      power_state: 'off',
      timezone: 'UTC',
      uuid,
      vm_features: { AGENT_VM: false, VGA_CONSOLE: true },
      vm_logical_timestamp: 1,
      machine_type: 'pc',
    })
    const whole = await read(uuid)
    const [first, second] = whole.vm_disk_info
    expect(first).toMatchObject({ disk_address: { disk_label: 'scsi.0' }, is_cdrom: false, size: gib })
    expect(first?.disk_address.ndfs_filepath).toMatch(/^\/default-container-\d+\/\.acropolis\/vmdisk\//)
    expect(second).toMatchObject({ disk_address: { disk_label: 'ide.0' }, is_cdrom: true, is_empty: true })
    expect(second).not.toHaveProperty('size')
    expect(whole.vm_nics).toMatchObject([{ network_uuid: network, ip_address: '10.1.0.10', is_connected: true }])
    expect(whole.vm_nics[0]!.mac_address).toMatch(/^50:6b:8d(:[0-9a-f]{2}){3}$/)
    expect((await stat(join(rig.folder, 'disks', `${first!.disk_address.vmdisk_uuid}.raw`))).size).toBe(gib)
  })

  it('get the recorded CD-ROM drive for their cloud-init data, which never comes back', async () => {
    const uuid = await makeVm(rig.client, {
      vm_disks: [disk(mib)],
      vm_customization_config: { datasource_type: 'CONFIG_DRIVE_V2', userdata: '#cloud-config\npassword: swordfish\n' },
    })
    const whole = await read(uuid)
    expect(JSON.stringify(whole)).not.toContain('swordfish')
    const drive = whole.vm_disk_info[1]!
    expect(drive).toMatchObject({
      disk_address: { disk_label: 'ide.0' },
      is_cdrom: true,
      is_empty: false,
      size: 382976,
    })
    expect(drive.source_disk_address?.ndfs_filepath).toMatch(
      /^\/SelfServiceContainer\/\.vm_customization_isos\/[0-9a-f-]{36}\.iso$/,
    )
  })

  it('clone their disks from disks and paths', async () => {
    const source = (await read(await makeVm(rig.client, { vm_disks: [disk(mib)] }))).vm_disk_info[0]!
    const { vmdisk_uuid, ndfs_filepath } = source.disk_address
    const uuid = await makeVm(rig.client, {
      vm_disks: [
        { vm_disk_clone: { disk_address: { vmdisk_uuid }, minimum_size: 2 * mib }, disk_address: { device_index: 3 } },
        { vm_disk_clone: { disk_address: { ndfs_filepath } }, disk_address: { device_bus: 'sata' } },
      ],
    })
    expect((await read(uuid)).vm_disk_info).toMatchObject([
      { disk_address: { disk_label: 'scsi.3' }, size: 2 * mib, source_disk_address: { vmdisk_uuid } },
      { disk_address: { disk_label: 'sata.0' }, size: mib, source_disk_address: { ndfs_filepath } },
    ])
  })

  it('may share a name, but not a UUID', async () => {
    const uuid = await makeVm(rig.client, { name: 'twin' })
    await makeVm(rig.client, { name: 'twin' })
    const again = await rig.client.post('/vms', { name: 'x', memory_mb: 1, num_vcpus: 1, uuid })
    expect(again).toMatchObject({ status: 500, body: { message: expect.stringContaining('already exists') as string } })
  })

  it.each([
    ['no name', { memory_mb: 1, num_vcpus: 1 }, 500],
    ['no memory', { name: 'x', num_vcpus: 1 }, 500],
    ['no CPU', { name: 'x', memory_mb: 1, num_vcpus: 0 }, 500],
    ['an unknown network', { vm_nics: [{ network_uuid: '00000000-0000-0000-0000-000000000000' }] }, 500],
    [
      'an unknown group',
      { vm_disks: [{ disk_address: { volume_group_uuid: '00000000-0000-0000-0000-000000000000' } }] },
      500,
    ],
    ['an unknown disk', { vm_disks: [{ vm_disk_clone: { disk_address: { vmdisk_uuid: 'none' } } }] }, 500],
    ['a disk of nothing', { vm_disks: [{}] }, 500],
    [
      'a disk without size',
      { vm_disks: [{ vm_disk_create: { storage_container_uuid: 'SelfServiceContainer' } }] },
      500,
    ],
    ['a bus nobody has', { vm_disks: [{ is_cdrom: true, disk_address: { device_bus: 'floppy' } }] }, 400],
    ['a MAC address that is none', { vm_nics: [{ network_uuid: '', mac_address: 'x' }] }, 400],
    ['an external disk', { vm_disks: [{ vm_disk_clone_external: { external_disk_url: 'x' } }] }, 400],
    ['garbage', { memory_mb: 'much' }, 400],
  ])('are refused with %s', async (what, body, status) => {
    const known = what.startsWith('no ') ? {} : { name: 'x', memory_mb: 1, num_vcpus: 1 }
    expect((await rig.client.post('/vms', { ...known, ...body })).status).toBe(status)
  })

  it('ten at once get ten addresses', async () => {
    const uuids = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        makeVm(rig.client, { name: `at-once-${at}`, vm_disks: [disk(mib)], vm_nics: [{ network_uuid: network }] }),
      ),
    )
    const nics = (await Promise.all(uuids.map(read))).map((vm) => vm.vm_nics[0]!)
    expect(new Set(nics.map((nic) => nic.ip_address)).size).toBe(10)
    expect(new Set(nics.map((nic) => nic.mac_address)).size).toBe(10)
    const { body } = await rig.client.get(`/networks/${network}`)
    expect(body.ip_config).toMatchObject({ num_macs: 11, assigned_ips: 15 })
    const addresses = (await rig.client.get(`/networks/${network}/addresses`)).body.entities
    expect(addresses.filter(({ type }) => type === 'VM')).toHaveLength(11)
    expect((await rig.client.delete(`/networks/${network}`)).body.message).toContain('in use')
    for (const uuid of uuids) await rig.client.done(rig.client.delete(`/vms/${uuid}`))
  })

  it('are listed, filtered, sorted and paged', async () => {
    for (const name of ['list-b', 'list-a', 'list-c']) await makeVm(rig.client, { name, memory_mb: 77 })
    const filter = 'memory_mb==77;vm_name==list-a,vm_name==list-b,name==list-c'
    const at = `/vms/?filter=${encodeURIComponent(filter)}&sort_attribute=name&sort_order=DESCENDING`
    const all = (await rig.client.get(at)).body
    expect(all.entities.map(({ name }) => name)).toEqual(['list-c', 'list-b', 'list-a'])
    const page = (await rig.client.get(`${at}&offset=1&length=1`)).body
    expect(page.entities.map(({ name }) => name)).toEqual(['list-b'])
    expect(page.metadata).toMatchObject({ total_entities: 3, count: 1, start_index: 1, end_index: 2 })
  })

  it('are updated by compare-and-swap, their hardware only while they are off', async () => {
    const uuid = await makeVm(rig.client)
    const changed = await rig.client.done(
      rig.client.put(`/vms/${uuid}/`, { name: 'renamed', memory_mb: 512, vm_logical_timestamp: 1 }),
    )
    expect(changed).toMatchObject({ operation_type: 'VmUpdate', progress_status: 'Succeeded' })
    expect((await rig.client.put(`/vms/${uuid}`, { name: 'x', vm_logical_timestamp: 1 })).status).toBe(500)
    rig.simulator.behaviour.taskDurationMs = 100
    const both = await Promise.all(
      ['a', 'b'].map((description) =>
        rig.client.done(rig.client.put(`/vms/${uuid}`, { description, vm_logical_timestamp: 2 })),
      ),
    )
    expect(both.map((task) => task.progress_status).sort()).toEqual(['Failed', 'Succeeded'])
    rig.simulator.behaviour.taskDurationMs = 0
    await power(uuid, 'ON')
    const hot = await rig.client.done(rig.client.put(`/vms/${uuid}`, { num_vcpus: 2 }))
    expect(errorOf(hot)).toContain('Cannot complete request in state On')
    const soft = await rig.client.done(rig.client.put(`/vms/${uuid}`, { num_vcpus: 1, name: 'on' }))
    expect(soft.progress_status).toBe('Succeeded')
    expect(await read(uuid)).toMatchObject({ name: 'on', memory_mb: 512, vm_logical_timestamp: 5 })
  })

  it('lose their disks with them', async () => {
    const uuid = await makeVm(rig.client, { vm_disks: [disk(mib)] })
    const file = `${(await read(uuid)).vm_disk_info[0]!.disk_address.vmdisk_uuid}.raw`
    await power(uuid, 'ON')
    expect((await rig.client.done(rig.client.delete(`/vms/${uuid}/`))).progress_status).toBe('Succeeded')
    expect((await rig.client.get(`/vms/${uuid}`)).status).toBe(404)
    await expect.poll(() => readdir(join(rig.folder, 'disks'))).not.toContain(file)
  })

  it('are cloned, several at a time', async () => {
    const uuid = await makeVm(rig.client, {
      name: 'source',
      vm_disks: [disk(mib)],
      vm_nics: [{ network_uuid: network, requested_ip_address: '10.1.0.200' }],
      vm_customization_config: { userdata: 'old' },
    })
    const task = await rig.client.done(
      rig.client.post(`/vms/${uuid}/clone`, {
        spec_list: [{ name: 'same' }, { name: 'other', memory_mb: 2048, override_network_config: true, vm_nics: [] }],
        vm_customization_config: { userdata: 'new' },
      }),
    )
    expect(task).toMatchObject({ operation_type: 'VmClone', progress_status: 'Succeeded' })
    const clones = await Promise.all(task.entity_list.slice(0, 2).map(({ entity_id }) => read(entity_id)))
    expect(clones).toMatchObject([
      { name: 'same', memory_mb: 1024, power_state: 'off' },
      { name: 'other', memory_mb: 2048, vm_nics: [] },
    ])
    expect(clones[0]!.vm_nics[0]!.ip_address).not.toBe('10.1.0.200')
    const source = await read(uuid)
    for (const clone of clones) {
      expect(clone.vm_disk_info.map(({ disk_address }) => disk_address.disk_label)).toEqual(['scsi.0', 'ide.0'])
      expect(clone.vm_disk_info[0]!.source_disk_address?.vmdisk_uuid).toBe(
        source.vm_disk_info[0]!.disk_address.vmdisk_uuid,
      )
    }
    expect((await rig.client.post(`/vms/${uuid}/clone`, {})).status).toBe(500)
  })
})

describe('power', () => {
  it.each([
    ['off', [], ['ON']],
    ['on', ['ON'], ['OFF', 'POWERCYCLE', 'RESET', 'PAUSE', 'SUSPEND', 'ACPI_SHUTDOWN', 'acpi_reboot']],
    ['paused', ['ON', 'PAUSE'], ['RESUME', 'OFF', 'POWERCYCLE']],
    ['suspended', ['ON', 'SUSPEND'], ['RESUME', 'OFF']],
  ])('of a machine that is %s takes what fits', async (state, path, allowed) => {
    const all = ['ON', 'OFF', 'POWERCYCLE', 'RESET', 'PAUSE', 'SUSPEND', 'RESUME', 'ACPI_SHUTDOWN', 'acpi_reboot']
    for (const transition of all) {
      const uuid = await makeVm(rig.client)
      for (const step of path) await power(uuid, step)
      expect((await read(uuid)).power_state).toBe(state)
      const task = await power(uuid, transition)
      expect(task.operation_type).toBe('VmChangePowerState')
      if (allowed.includes(transition)) expect(task.progress_status, transition).toBe('Succeeded')
      else expect(errorOf(task)).toContain('InvalidVmState')
      await rig.client.done(rig.client.delete(`/vms/${uuid}`))
    }
  })

  it('puts a machine on the host with the most free memory, until there is none', async () => {
    const mostMb = 128 * 1024
    const hosts = (await rig.client.get('/hosts')).body.entities.map(({ uuid }) => uuid)
    const large = await makeVm(rig.client, { memory_mb: mostMb + 1 })
    expect(errorOf(await power(large, 'ON'))).toContain('NoHostResources')
    const uuids: string[] = []
    while (uuids.length < hosts.length) {
      const uuid = await makeVm(rig.client, { memory_mb: 100 * 1024 })
      await power(uuid, 'ON')
      uuids.push(uuid)
    }
    const places = await Promise.all(uuids.map(async (uuid) => (await read(uuid)).host_uuid!))
    expect(places.sort()).toEqual(hosts.sort())
    const another = await makeVm(rig.client, { memory_mb: 50 * 1024 })
    expect(errorOf(await power(another, 'ON'))).toContain('NoHostResources')
    await power(uuids[0]!, 'OFF')
    expect(await read(uuids[0]!)).not.toHaveProperty('host_uuid')
    expect((await power(another, 'ON', { host_uuid: (await read(uuids[1]!)).host_uuid })).progress_status).toBe(
      'Failed',
    )
    expect((await power(another, 'ON')).progress_status).toBe('Succeeded')
    const unknown = await rig.client.post(`/vms/${another}/set_power_state`, {
      transition: 'OFF',
      host_uuid: '00000000-0000-0000-0000-000000000000',
    })
    expect(unknown.status).toBe(500)
    expect((await rig.client.post(`/vms/${another}/set_power_state`, { transition: 'EXPLODE' })).status).toBe(400)
    for (const uuid of [...uuids, another]) await rig.client.done(rig.client.delete(`/vms/${uuid}`))
  })
})

describe('disks of machines', () => {
  it('are attached, grown, emptied and detached', async () => {
    const uuid = await makeVm(rig.client)
    const at = `/vms/${uuid}/disks`
    await rig.client.done(
      rig.client.post(`${at}/attach`, { vm_disks: [disk(mib), { is_cdrom: true, ...disk(mib) }], uuid }),
    )
    const [scsi, ide] = (await read(uuid)).vm_disk_info
    const grown = await rig.client.done(
      rig.client.put(`${at}/update`, {
        vm_disks: [
          { disk_address: scsi!.disk_address, ...disk(3 * mib) },
          { disk_address: ide!.disk_address, is_empty: true },
        ],
      }),
    )
    expect(grown).toMatchObject({ operation_type: 'VmDiskUpdate', progress_status: 'Succeeded' })
    const after = (await read(uuid)).vm_disk_info
    expect(after).toMatchObject([{ size: 3 * mib }, { is_empty: true }])
    const file = join(rig.folder, 'disks', `${scsi!.disk_address.vmdisk_uuid}.raw`)
    expect((await stat(file)).size).toBe(3 * mib)
    const shrunk = await rig.client.done(
      rig.client.put(`${at}/update`, { vm_disks: [{ disk_address: scsi!.disk_address, ...disk(mib) }] }),
    )
    expect(errorOf(shrunk)).toContain('Shrinking')
    const inserted = await rig.client.done(
      rig.client.put(`${at}/update`, {
        vm_disks: [
          {
            ...after[1],
            is_empty: false,
            vm_disk_clone: { disk_address: { vmdisk_uuid: scsi!.disk_address.vmdisk_uuid } },
          },
        ],
      }),
    )
    expect(inserted.progress_status).toBe('Succeeded')
    expect((await read(uuid)).vm_disk_info[1]).toMatchObject({ is_empty: false, size: 3 * mib })
    const address = { device_bus: 'SCSI', device_index: 0 }
    const gone = await rig.client.done(rig.client.post(`${at}/detach`, { vm_disks: [{ disk_address: address }] }))
    expect(gone.progress_status).toBe('Succeeded')
    await expect.poll(() => stat(file).catch(() => 'gone')).toBe('gone')
    const again = await rig.client.done(rig.client.post(`${at}/detach`, { vm_disks: [{ disk_address: address }] }))
    expect(errorOf(again)).toContain('has no disk scsi.0')
  })

  it('need a free place, and one that can be plugged while the machine runs', async () => {
    const uuid = await makeVm(rig.client, { vm_disks: [disk(mib)] })
    const place = { disk_address: { device_bus: 'SCSI', device_index: 0 } }
    const attach = (vm_disks: object[]): Promise<WireBody> =>
      rig.client.done(rig.client.post(`/vms/${uuid}/disks/attach`, { vm_disks }))
    expect(errorOf(await attach([disk(mib, place)]))).toContain('scsi.0 is not free')
    await power(uuid, 'ON')
    expect(errorOf(await attach([{ is_cdrom: true, is_empty: true }]))).toContain('InvalidVmState')
    expect((await attach([disk(mib)])).progress_status).toBe('Succeeded')
    expect((await rig.client.post(`/vms/${uuid}/disks/attach`, { vm_disks: [] })).status).toBe(400)
  })

  it('may be volume groups, which both sides see', async () => {
    const group = await makeGroup('seen-by-both')
    const uuid = await makeVm(rig.client, {
      vm_disks: [disk(mib), { disk_address: { device_bus: 'SCSI', volume_group_uuid: group } }],
    })
    const attachments = async (): Promise<unknown> =>
      (await rig.client.get(`/volume_groups/${group}`)).body.attachment_list
    expect(await attachments()).toEqual([{ vm_uuid: uuid }])
    const address = { disk_label: 'scsi.1', volume_group_uuid: group }
    expect((await read(uuid)).vm_disk_info[1]).toMatchObject({ disk_address: address })
    // Recorded text.
    expect(errorOf(await rig.client.done(rig.client.delete(`/vms/${uuid}`)))).toBe(
      'INVALID_ARGUMENT: Invalid Argument: 6 :Volume group at scsi.1 must be detached before deleting VM.',
    )
    const detached = await rig.client.done(
      rig.client.post(`/vms/${uuid}/disks/detach`, { vm_disks: [{ disk_address: address }] }),
    )
    expect(detached.progress_status).toBe('Succeeded')
    expect(await attachments()).toEqual([])
    const stale = { vm_uuid: uuid, vm_logical_timestamp: 1 }
    expect(errorOf(await rig.client.done(rig.client.post(`/volume_groups/${group}/attach`, stale)))).toContain(
      'mismatch',
    )
    const current = { vm_uuid: uuid, vm_logical_timestamp: 2, index: 4 }
    await rig.client.done(rig.client.post(`/volume_groups/${group}/attach`, current))
    expect((await read(uuid)).vm_disk_info[1]).toMatchObject({ disk_address: { disk_label: 'scsi.4' } })
    const twice = await rig.client.done(
      rig.client.post(`/vms/${uuid}/disks/attach`, { vm_disks: [{ disk_address: { volume_group_uuid: group } }] }),
    )
    expect(errorOf(twice)).toContain('already attached')
    await rig.client.done(rig.client.post(`/volume_groups/${group}/detach`, { vm_uuid: uuid }))
    expect((await read(uuid)).vm_disk_info).toHaveLength(1)
    expect((await rig.client.done(rig.client.delete(`/vms/${uuid}`))).progress_status).toBe('Succeeded')
    const stranger = await rig.client.done(rig.client.post(`/volume_groups/${group}/attach`, { vm_uuid: uuid }))
    expect(errorOf(stranger)).toContain(`VM ${uuid} does not exist`)
  })

  it('fill their container, which cannot go before them', async () => {
    await rig.client.post('/storage_containers', { name: 'small', advertised_capacity: 10 * mib })
    const { body } = await rig.client.get('/storage_containers?search_string=small')
    const small = body.entities[0]!.storage_container_uuid
    const spec = (size: number): object => ({ vm_disk_create: { size, storage_container_uuid: small } })
    await expect(makeVm(rig.client, { vm_disks: [spec(11 * mib)] })).rejects.toThrow('NO_SPACE')
    const uuid = await makeVm(rig.client, { vm_disks: [spec(mib)] })
    expect((await rig.client.delete(`/storage_containers/${small}`)).status).toBe(500)
    await rig.client.done(rig.client.delete(`/vms/${uuid}`))
    expect((await rig.client.delete(`/storage_containers/${small}`)).status).toBe(200)
  })
})

describe('interfaces of machines', () => {
  it('come, change and go, by MAC address or UUID', async () => {
    const uuid = await makeVm(rig.client)
    const at = `/vms/${uuid}/nics`
    const mac_address = '50:6B:8D:00:00:01'
    const added = await rig.client.done(
      rig.client.post(`${at}/`, {
        spec_list: [{ network_uuid: network, mac_address, requested_ip_address: '10.1.0.150' }],
      }),
    )
    expect(added).toMatchObject({ operation_type: 'VmNicCreate', progress_status: 'Succeeded' })
    const [bare] = (await rig.client.get(at)).body.entities
    expect(bare).toMatchObject({ mac_address: '50:6b:8d:00:00:01', network_uuid: network })
    expect(bare).not.toHaveProperty('ip_address')
    const withAddress = (await rig.client.get(`${at}/${mac_address}?include_address_assignments=true`)).body
    expect(withAddress.ip_address).toBe('10.1.0.150')
    const nic_spec = { network_uuid: network, is_connected: false, requested_ip_address: '10.1.0.151' }
    const changed = await rig.client.done(rig.client.put(`${at}/${bare!.nic_uuid}`, { nic_spec }))
    expect(changed.progress_status).toBe('Succeeded')
    expect((await read(uuid)).vm_nics).toMatchObject([
      { is_connected: false, ip_address: '10.1.0.151', mac_address: '50:6b:8d:00:00:01' },
    ])
    const other = { nic_spec: { network_uuid: network, mac_address: '50:6b:8d:00:00:02' } }
    expect((await rig.client.put(`${at}/${bare!.nic_uuid}`, other)).status).toBe(500)
    const twin = await rig.client.done(rig.client.post(at, { spec_list: [{ network_uuid: network, mac_address }] }))
    expect(errorOf(twin)).toContain('already in use')
    const taken = { network_uuid: network, requested_ip_address: '10.1.0.151' }
    expect(errorOf(await rig.client.done(rig.client.post(at, { spec_list: [taken] })))).toContain('already in use')
    const none = await rig.client.done(
      rig.client.post(at, { spec_list: [{ network_uuid: network, request_ip: false }] }),
    )
    expect(none.progress_status).toBe('Succeeded')
    expect((await read(uuid)).vm_nics[1]).not.toHaveProperty('ip_address')
    const gone = await rig.client.done(rig.client.delete(`${at}/${mac_address}`))
    expect(gone).toMatchObject({ operation_type: 'VmNicDelete', progress_status: 'Succeeded' })
    expect((await rig.client.get(`${at}/${mac_address}`)).status).toBe(404)
  })

  it('fail where no address is left', async () => {
    const { body } = await rig.client.post('/networks', {
      name: 'tiny',
      vlan_id: 8,
      ip_config: { network_address: '10.2.0.0', prefix_length: 29, pool: [{ range: '10.2.0.2 10.2.0.2' }] },
    })
    const vm_nics = [{ network_uuid: body.network_uuid }]
    await makeVm(rig.client, { vm_nics })
    await expect(makeVm(rig.client, { vm_nics })).rejects.toThrow('No IP address available')
  })
})

describe('a restart', () => {
  it('keeps machines as they were, and goes on with what was running', async () => {
    const uuid = await makeVm(rig.client, { name: 'kept', vm_disks: [disk(mib)], vm_nics: [{ network_uuid: network }] })
    await power(uuid, 'ON')
    const before = await read(uuid)
    rig.simulator.behaviour.taskDurationMs = 60_000
    const { body } = await rig.client.post('/vms', {
      name: 'cut short',
      memory_mb: 1024,
      num_vcpus: 1,
      vm_disks: [disk(mib)],
    })
    await rig.restart()
    expect(await read(uuid)).toEqual(before)
    const poll = await rig.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
    expect(poll.body.completed_tasks_info[0]).toMatchObject({ progress_status: 'Succeeded' })
    const found = (await rig.client.get('/vms?filter=name%3D%3Dcut%20short&include_vm_disk_config=true')).body.entities
    expect(found).toMatchObject([{ vm_disk_info: [{ size: mib }] }])
    const files = await readdir(join(rig.folder, 'disks'))
    expect(files).toContain(`${found[0]!.vm_disk_info[0]!.disk_address.vmdisk_uuid}.raw`)
  })
})
