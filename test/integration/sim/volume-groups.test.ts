import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultContainer, gib, startRig, type Rig } from './sim-client.js'

let rig: Rig
let container: string

beforeAll(async () => {
  rig = await startRig()
  container = await defaultContainer(rig.client)
})

afterAll(async () => {
  await rig.close()
})

async function makeGroup(name: string, more: object = {}): Promise<string> {
  const task = await rig.client.done(
    rig.client.post('/volume_groups', {
      name,
      disk_list: [{ create_config: { size: gib, storage_container_uuid: container } }],
      ...more,
    }),
  )
  expect(task.progress_status).toBe('Succeeded')
  return task.entity_list[0]!.entity_id
}

describe('volume groups', () => {
  it('are created by a task and listed with the recorded metadata', async () => {
    const uuid = await makeGroup('made')
    const { body } = await rig.client.get('/volume_groups/')
    expect(body.metadata).toEqual({ grand_total_entities: 1, total_entities: 0, count: 1 })
    expect(body.entities[0]).toMatchObject({ uuid, name: 'made', logical_timestamp: 2, attachment_list: [] })
    expect(body.entities[0]).not.toHaveProperty('description')
  })

  it('reads every spelling of a disk', async () => {
    const disk_list = [
      { create_spec: { container_uuid: container, size_mb: 1 } },
      { create_config: { storage_container_uuid: container, size: '2097152' } },
    ]
    const uuid = await makeGroup('spelled', {
      disk_list,
      is_shared: 'true',
      flash_mode_enabled: 'false',
      usage_type: 'user',
    })
    const { body } = await rig.client.get(`/volume_groups/${uuid}`)
    expect(body.disk_list.map((disk) => disk.vmdisk_size_bytes)).toEqual([1048576, 2097152])
    expect(body).toMatchObject({ is_shared: true, flash_mode_enabled: false, usage_type: 'USER' })
  })

  it('honours a UUID chosen by the client and refuses it a second time', async () => {
    const uuid = '792cd764-37b5-4da3-7ef1-ea3f618c1648'
    expect(await makeGroup('chosen', { uuid })).toBe(uuid)
    const again = await rig.client.post('/volume_groups', { name: 'other', uuid, disk_list: [] })
    expect(again.status).toBe(500)
    expect(again.body).toMatchObject({
      message: expect.stringContaining('already exists') as string,
      error_code: { help_url: expect.any(String) as string },
    })
  })

  it('swaps only when the logical timestamp is the current one', async () => {
    const uuid = await makeGroup('swapped')
    const change = { logical_timestamp: 2, attached_clients: [{ client_address: 'iqn.1994-05.com.redhat:a' }] }
    const [first, second] = await Promise.all([
      rig.client.put(`/volume_groups/${uuid}`, change),
      rig.client.put(`/volume_groups/${uuid}`, change),
    ])
    expect([first.status, second.status].sort()).toEqual([200, 500])
    const { body } = await rig.client.get(`/volume_groups/${uuid}`)
    expect(body.logical_timestamp).toBe(3)
    expect(body.attachment_list).toEqual([
      { client_uuid: expect.any(String) as string, iscsi_initiator_name: 'iqn.1994-05.com.redhat:a' },
    ])
  })

  it('knows one client for one address, whatever the group', async () => {
    const address = 'iqn.1994-05.com.redhat:shared'
    const uuids = [await makeGroup('first-of-client'), await makeGroup('second-of-client')]
    for (const uuid of uuids)
      expect(
        (await rig.client.post(`/volume_groups/${uuid}/open`, { iscsi_client: { client_address: address } })).body,
      ).toEqual({ value: true })
    const clients = await Promise.all(
      uuids.map(async (uuid) => (await rig.client.get(`/volume_groups/${uuid}`)).body.attachment_list[0]!.client_uuid),
    )
    expect(clients[0]).toBe(clients[1])
  })

  it('refuses to delete a group that is attached, by failing the task', async () => {
    const uuid = await makeGroup('held')
    await rig.client.post(`/volume_groups/${uuid}/open`, { iscsi_client: { client_address: '10.0.0.7' } })
    const task = await rig.client.done(rig.client.delete(`/volume_groups/${uuid}`))
    expect(task).toMatchObject({
      progress_status: 'Failed',
      meta_response: { error_detail: expect.stringContaining('detached') as string },
    })
    await rig.client.post(`/volume_groups/${uuid}/close`, { iscsi_client: { client_address: '10.0.0.7' } })
    expect((await rig.client.done(rig.client.delete(`/volume_groups/${uuid}`))).progress_status).toBe('Succeeded')
    expect((await rig.client.get(`/volume_groups/${uuid}`)).status).toBe(404)
  })
})
