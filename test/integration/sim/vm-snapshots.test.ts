import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultContainer, makeVm, readVm, startRig, type Rig } from './sim-client.js'
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
    ip_config: { network_address: '10.1.0.0', prefix_length: 24, pool: [{ range: '10.1.0.10 10.1.0.99' }] },
  })
  network = body.network_uuid
})

afterAll(async () => {
  await rig.close()
})

/** A machine with a disk that holds `text`, and an interface. */
async function make(text: string): Promise<string> {
  const uuid = await makeVm(rig.client, {
    name: text,
    vm_disks: [
      { vm_disk_create: { size: mib, storage_container_uuid: container } },
      { is_cdrom: true, is_empty: true },
    ],
    vm_nics: [{ network_uuid: network }],
  })
  await write(uuid, text)
  return uuid
}

const read = (uuid: string): Promise<WireBody> => readVm(rig.client, uuid)

async function diskFile(vmUuid: string): Promise<string> {
  const [disk] = (await read(vmUuid)).vm_disk_info
  return join(rig.folder, 'disks', `${disk!.disk_address.vmdisk_uuid}.raw`)
}

async function write(vmUuid: string, text: string): Promise<void> {
  await writeFile(await diskFile(vmUuid), text, { flag: 'r+' })
}

async function textOn(vmUuid: string): Promise<string> {
  const content = await readFile(await diskFile(vmUuid))
  return content.toString('latin1', 0, content.indexOf(0))
}

async function snapshot(...specs: object[]): Promise<string[]> {
  const task = await rig.client.done(rig.client.post('/snapshots/', { snapshot_specs: specs }))
  expect(task).toMatchObject({ operation_type: 'SnapshotCreate', progress_status: 'Succeeded' })
  return task.entity_list.filter(({ entity_type }) => entity_type === 'SNAPSHOT').map(({ entity_id }) => entity_id)
}

async function restore(vmUuid: string, snapshot_uuid: string, more: object = {}): Promise<WireBody> {
  return rig.client.done(rig.client.post(`/vms/${vmUuid}/restore`, { snapshot_uuid, ...more }))
}

describe('snapshots of machines', () => {
  it('are taken together, listed by machine, and tell what they hold', async () => {
    const uuids = [await make('one'), await make('two')]
    const taken = await snapshot({ vm_uuid: uuids[0], snapshot_name: 'first' }, { vm_uuid: uuids[1] })
    const listed = (await rig.client.get(`/snapshots/?vm_uuid=${uuids[0]}`)).body.entities
    expect(listed).toMatchObject([{ uuid: taken[0], snapshot_name: 'first', vm_uuid: uuids[0], logical_timestamp: 1 }])
    const { body } = await rig.client.get(`/snapshots/${taken[1]}`)
    expect(body).toMatchObject({
      group_uuid: listed[0]!.group_uuid,
      deleted: false,
      vm_create_spec: { name: 'two', memory_mb: 1024, vm_disks: [{ is_cdrom: false }, { is_empty: true }] },
    })
    expect((await rig.client.get('/snapshots')).body.metadata).toEqual({ grand_total_entities: 2, total_entities: 2 })
  })

  it('bring a machine back, off, with the interfaces it has now', async () => {
    const uuid = await make('before')
    const [taken = ''] = await snapshot({ vm_uuid: uuid })
    await write(uuid, 'changed')
    await rig.client.done(rig.client.put(`/vms/${uuid}`, { name: 'renamed', memory_mb: 2048 }))
    await rig.client.done(rig.client.post(`/vms/${uuid}/nics`, { spec_list: [{ network_uuid: network }] }))
    await rig.client.done(rig.client.post(`/vms/${uuid}/set_power_state`, { transition: 'ON' }))
    const old = await diskFile(uuid)
    expect(await restore(uuid, taken)).toMatchObject({ operation_type: 'VmRestore', progress_status: 'Succeeded' })
    expect(await textOn(uuid)).toBe('before')
    const vm = await read(uuid)
    expect(vm).toMatchObject({ name: 'before', memory_mb: 1024, power_state: 'off', vm_logical_timestamp: 5 })
    expect(vm.vm_nics).toHaveLength(2)
    await expect.poll(() => readFile(old).catch(() => 'gone')).toBe('gone')
    // A second time: the snapshot is still whole.
    await write(uuid, 'changed again')
    await restore(uuid, taken)
    expect(await textOn(uuid)).toBe('before')
  })

  it('bring its interfaces back too when asked', async () => {
    const uuid = await make('networked')
    const [nic] = (await read(uuid)).vm_nics
    const [taken = ''] = await snapshot({ vm_uuid: uuid })
    await rig.client.done(rig.client.delete(`/vms/${uuid}/nics/${nic!.mac_address}`))
    const thief = await makeVm(rig.client, {
      vm_nics: [{ network_uuid: network, requested_ip_address: nic!.ip_address }],
    })
    await restore(uuid, taken, { restore_network_configuration: true })
    const [back] = (await read(uuid)).vm_nics
    expect(back!.mac_address).toBe(nic!.mac_address)
    expect(back!.ip_address).not.toBe(nic!.ip_address)
    await rig.client.done(rig.client.delete(`/vms/${thief}`))
    await restore(uuid, taken, { restore_network_configuration: 'true' })
    expect((await read(uuid)).vm_nics).toMatchObject([{ mac_address: nic!.mac_address, ip_address: nic!.ip_address }])
  })

  it('make new machines', async () => {
    const uuid = await make('parent')
    const [taken = ''] = await snapshot({ vm_uuid: uuid })
    await write(uuid, 'later')
    const task = await rig.client.done(
      rig.client.post(`/snapshots/${taken}/clone`, {
        spec_list: [{ name: 'child', num_vcpus: 2 }, { name: 'second' }],
      }),
    )
    expect(task.progress_status).toBe('Succeeded')
    const child = task.entity_list[0]!.entity_id
    expect(await textOn(child)).toBe('parent')
    expect((await rig.client.get(`/vms/${child}`)).body).toMatchObject({ name: 'child', num_vcpus: 2 })
  })

  it('outlive their machine, unless told otherwise', async () => {
    for (const withSnapshots of [false, true]) {
      const uuid = await make('mortal')
      const [taken = ''] = await snapshot({ vm_uuid: uuid })
      await rig.client.done(rig.client.delete(`/vms/${uuid}?delete_snapshots=${withSnapshots}`))
      expect((await rig.client.get(`/snapshots/${taken}`)).status).toBe(withSnapshots ? 404 : 200)
    }
  })

  it('are refused for what does not exist or does not belong', async () => {
    const uuid = await make('refused')
    const other = await make('other')
    const [taken = ''] = await snapshot({ vm_uuid: uuid })
    const nobody = '00000000-0000-0000-0000-000000000000'
    expect((await rig.client.post('/snapshots', { snapshot_specs: [{ vm_uuid: nobody }] })).status).toBe(404)
    expect((await rig.client.post('/snapshots', { snapshot_specs: [] })).status).toBe(500)
    expect((await rig.client.post('/snapshots', { snapshot_specs: [{}] })).status).toBe(400)
    expect((await rig.client.post('/snapshots', { snapshot_specs: [{ vm_uuid: uuid, uuid: taken }] })).status).toBe(500)
    expect((await rig.client.post(`/vms/${other}/restore`, { snapshot_uuid: taken })).status).toBe(500)
    expect((await rig.client.post(`/vms/${uuid}/restore`, { snapshot_uuid: nobody })).status).toBe(404)
    expect((await rig.client.post(`/vms/${uuid}/restore`, {})).status).toBe(400)
    const stale = { snapshot_uuid: taken, vm_logical_timestamp: 99 }
    expect((await rig.client.post(`/vms/${uuid}/restore`, stale)).status).toBe(500)
    expect((await rig.client.delete(`/snapshots/${taken}?logical_timestamp=99`)).status).toBe(500)
  })

  it('go with their disks, and the rest is there after a restart in the middle of one', async () => {
    const uuid = await make('kept')
    const [first = '', second = ''] = [...(await snapshot({ vm_uuid: uuid })), ...(await snapshot({ vm_uuid: uuid }))]
    const files = async (): Promise<number> => (await readdir(join(rig.folder, 'disks'))).length
    const before = await files()
    expect((await rig.client.done(rig.client.delete(`/snapshots/${first}`))).operation_type).toBe('SnapshotDelete')
    await expect.poll(files).toBe(before - 1)
    rig.simulator.behaviour.taskDurationMs = 60_000
    const { body } = await rig.client.post('/snapshots', { snapshot_specs: [{ vm_uuid: uuid, snapshot_name: 'late' }] })
    await rig.restart()
    await rig.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
    const { entities } = (await rig.client.get(`/snapshots?vm_uuid=${uuid}`)).body
    expect(entities.map((entity) => entity.snapshot_name)).toEqual(['kept-snapshot', 'late'])
    expect(entities[0]!.uuid).toBe(second)
    expect(await textOn(uuid)).toBe('kept')
    await restore(uuid, entities[1]!.uuid)
    expect(await textOn(uuid)).toBe('kept')
  })
})
