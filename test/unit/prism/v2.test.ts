import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import nock from 'nock'
import { describe, expect, it } from 'vitest'
import type { Task } from '../../../src/lib/prism/prism.js'
import { requirement } from '../../requirements.js'
import { specsFolder } from '../../specs.js'
import { base, client, groupBody, groupUuid, origin, taskBody, useNock } from './nock-prism.js'

useNock()

const cookie = { 'set-cookie': 'JSESSIONID=x' }

/** Lets one PUT of the group happen, and tells what it was sent. */
function oneUpdate(): { sent: () => unknown } {
  let sent: unknown
  nock(origin)
    .put(`${base}/volume_groups/${groupUuid}`, (body: unknown) => {
      sent = body
      return true
    })
    .reply(200, {})
  return { sent: () => sent }
}

describe('collections', () => {
  it('believe the entities, not the metadata', async () => {
    const metadata = { grand_total_entities: 19, total_entities: 0, count: 19 }
    nock(origin)
      .get(`${base}/volume_groups/`)
      .query(true)
      .reply(200, { metadata, entities: [groupBody()] }, cookie)
    expect(await client().prism.volumeGroups()).toHaveLength(1)
  })

  it('follow pages where the answer counts them', async () => {
    const all = Array.from({ length: 5 }, (_, index) => ({ storage_container_uuid: `c${index}`, name: `ctr${index}` }))
    nock(origin)
      .get(`${base}/storage_containers/`)
      .query(true)
      .times(3)
      .reply((uri) => {
        const page = Number(new URL(uri, origin).searchParams.get('page') ?? 1)
        const entities = all.slice((page - 1) * 2, page * 2)
        return [200, { metadata: { grand_total_entities: 5, page, count: entities.length }, entities }, cookie]
      })
    const names = (await client().prism.storageContainers()).map(({ name }) => name)
    expect(names).toEqual(['ctr0', 'ctr1', 'ctr2', 'ctr3', 'ctr4'])
  })

  it.each([[{}], [{ entities: null, metadata: null }], [{ entities: [] }]])('may be empty: %j', async (body) => {
    nock(origin).get(`${base}/hosts/`).reply(200, body, cookie)
    expect(await client().prism.hosts()).toEqual([])
  })

  it('skip an entity nobody can use, and keep the others', async () => {
    const entities = [{ name: 'no uuid' }, null, 7, groupBody()]
    nock(origin).get(`${base}/volume_groups/`).query(true).reply(200, { entities }, cookie)
    expect(await client().prism.volumeGroups()).toMatchObject([{ uuid: groupUuid }])
  })
})

describe('a volume group', () => {
  it('may lack all that is unset, or say null', async () => {
    const entity = { uuid: groupUuid, name: null, disk_list: null, attachment_list: null, extra: { deep: true } }
    nock(origin).get(`${base}/volume_groups/${groupUuid}`).query(true).reply(200, entity, cookie)
    expect(await client().prism.volumeGroup(groupUuid)).toEqual({
      uuid: groupUuid,
      name: '',
      description: '',
      logicalTimestamp: 0,
      disks: [],
      iscsiTarget: '',
      attachments: [],
      flashMode: false,
      chap: false,
      shared: false,
      createdBy: undefined,
    })
  })

  it('is updated with the whole document and the timestamp we saw', async () => {
    const seen = groupBody({
      enabled_authentications: [{ auth_type: 'chap' }],
      attachment_list: [
        { client_uuid: 'k1', iscsi_initiator_name: 'iqn.one' },
        { client_uuid: 'k2', initiator_ip_address: '10.0.0.7' },
        { vm_uuid: 'vm1' },
      ],
    })
    nock(origin).get(`${base}/volume_groups/${groupUuid}`).query(true).reply(200, seen, cookie)
    const update = oneUpdate()
    nock(origin)
      .get(`${base}/volume_groups/${groupUuid}`)
      .query(true)
      .reply(200, { ...seen, description: 'new', logical_timestamp: 4 })
    const { prism } = client()
    const updated = await prism.updateVolumeGroup(await prism.volumeGroup(groupUuid), { description: 'new' })
    expect(updated.logicalTimestamp).toBe(4)
    expect(update.sent()).toEqual({
      uuid: groupUuid,
      logical_timestamp: 3,
      name: 'web',
      description: 'new',
      flash_mode_enabled: false,
      is_shared: true,
      usage_type: 'USER',
      attached_clients: [
        { client_address: 'iqn.one', uuid: 'k1' },
        { client_address: '10.0.0.7', uuid: 'k2' },
      ],
    })
  })

  it('is read by itself before its update when only a list has shown it', async () => {
    const listed = groupBody({ description: undefined })
    nock(origin)
      .get(`${base}/volume_groups/`)
      .query(true)
      .reply(200, { entities: [listed] }, cookie)
    nock(origin).get(`${base}/volume_groups/${groupUuid}`).query(true).reply(200, groupBody())
    const update = oneUpdate()
    nock(origin)
      .get(`${base}/volume_groups/${groupUuid}`)
      .query(true)
      .reply(200, groupBody({ name: 'shop' }))
    const { prism } = client()
    const [group] = await prism.volumeGroups()
    await prism.updateVolumeGroup(group!, { name: 'shop' })
    expect(update.sent()).toMatchObject({ name: 'shop', description: 'for the web' })
  })

  it('is not updated without a timestamp, which would not be checked', async () => {
    const seen = groupBody({ logical_timestamp: 0 })
    nock(origin).get(`${base}/volume_groups/${groupUuid}`).query(true).reply(200, seen, cookie)
    const { prism } = client()
    const group = await prism.volumeGroup(groupUuid)
    await expect(prism.updateVolumeGroup(group, { name: 'x' })).rejects.toMatchObject({ code: 'EACSPRISM' })
  })

  it('counts as changed by someone else when a success does not show', async () => {
    nock(origin).get(`${base}/volume_groups/${groupUuid}`).query(true).times(2).reply(200, groupBody(), cookie)
    nock(origin).put(`${base}/volume_groups/${groupUuid}`).reply(200, {})
    const { prism } = client()
    const group = await prism.volumeGroup(groupUuid)
    const update = prism.updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: 'iqn.a' }] })
    await expect(update).rejects.toMatchObject({
      code: 'EACSSTALE',
      message: expect.stringContaining('allowed initiators are none, asked for iqn.a') as string,
    })
  })

  it('is made in the words of the specification', async () => {
    let sent: unknown
    nock(origin)
      .post(`${base}/volume_groups/`, (body: unknown) => {
        sent = body
        return true
      })
      .reply(201, { task_uuid: 't1' }, cookie)
    const uuid = groupUuid
    const spec = {
      name: 'web',
      uuid,
      disks: [
        { sizeBytes: 1024, storageContainerUuid: 'c1', index: 0 },
        { cloneOf: { groupUuid: 'g2', index: 3 }, minimumSizeBytes: 2048 },
      ],
      chapSecret: 'secret-secret',
      iscsiTargetPrefix: 'web',
    }
    expect(await client().prism.createVolumeGroup(spec, { wait: false })).toEqual({ uuid, taskUuid: 't1' })
    expect(sent).toEqual({
      uuid,
      name: 'web',
      disk_list: [
        { index: 0, create_config: { size: 1024, storage_container_uuid: 'c1' } },
        {
          clone_config: { disk_address: { volume_group_uuid: 'g2', device_index: 3 }, minimum_size: 2048 },
        },
      ],
      enabled_authentications: [{ auth_type: 'CHAP', password: 'secret-secret' }],
      iscsi_target_prefix: 'web',
    })
  })

  it('takes the uuid of the task where the cluster does not take ours', async () => {
    const entity_list = [{ entity_id: groupUuid, entity_type: 'VOLUME_GROUP' }]
    nock(origin).post(`${base}/volume_groups/`).reply(201, { task_uuid: 't1' }, cookie)
    nock(origin).get(`${base}/tasks/t1`).reply(200, taskBody('Succeeded', { entity_list }))
    nock(origin).get(`${base}/volume_groups/${groupUuid}`).query(true).reply(200, groupBody())
    expect(await client().prism.createVolumeGroup({ name: 'web', disks: [] })).toMatchObject({ uuid: groupUuid })
  })
})

describe('a task', () => {
  it('is waited for through a 404 right after it was accepted', async () => {
    nock(origin).get(`${base}/tasks/t1`).times(2).reply(404, {}, cookie)
    nock(origin).get(`${base}/tasks/t1`).reply(200, taskBody('Queued'))
    nock(origin).get(`${base}/tasks/t1`).reply(200, taskBody('Succeeded'))
    const seen: Task[] = []
    const task = await client().prism.waitForTask('t1', { onTask: (progress) => seen.push(progress) })
    expect(task).toMatchObject({ status: 'succeeded', operation: 'VolumeGroupCreate', errorCode: undefined })
    expect(task.createdAt?.toISOString()).toBe('2021-01-10T14:16:00.827Z')
    expect(seen.map(({ status }) => status)).toEqual(['queued', 'succeeded'])
  })

  it.each([
    [
      'Failed',
      { meta_response: { error_code: 3, error_detail: 'INVALID_ARGUMENT: must be detached' } },
      'INVALID_ARGUMENT: must be detached',
    ],
    ['FAILED', { message: 'in the message', meta_response: null }, 'in the message'],
    ['Aborted', {}, 'it was aborted'],
  ])('that ends as %s says why', async (status, fields, why) => {
    nock(origin).get(`${base}/tasks/t1`).reply(200, taskBody(status, fields), cookie)
    await expect(client().prism.waitForTask('t1')).rejects.toMatchObject({
      code: 'EACSTASKFAILED',
      message: expect.stringContaining(why) as string,
      details: { taskUuid: 't1' },
    })
  })

  it('is listed and cancelled in the words of the specification', async () => {
    nock(origin)
      .post(`${base}/tasks/list`, { include_completed: true, count: 5, entity_list: [{ entity_id: 'e1' }] })
      .reply(200, { entities: [taskBody('Running')] }, cookie)
    nock(origin)
      .put(`${base}/tasks/cancel`, ['t1'])
      .reply(200, { entities: ['t1'] })
    const { prism } = client()
    const tasks = await prism.tasks({ includeCompleted: true, entityUuid: 'e1', limit: 5 })
    expect(tasks).toMatchObject([{ uuid: 't1', status: 'running', percent: 40 }])
    await prism.cancelTask('t1')
  })
})

const recorded = join(specsFolder, 'recorded-v2')

describe.skipIf(!requirement('recorded answers', [{ folder: recorded }]))('answers recorded on AOS 6.1', () => {
  const reply = (path: string, file: string): void => {
    nock(origin)
      .get(base + path)
      .query(true)
      .reply(200, readFileSync(join(recorded, file), 'utf8'), cookie)
  }

  it('are understood', async () => {
    reply('/cluster/', 'get_cluster_v2.json')
    reply('/storage_containers/', 'get_storage_containers_v2.json')
    reply('/volume_groups/', 'get_volumes_groups_v2.json')
    const { prism } = client()
    expect(await prism.cluster()).toMatchObject({
      name: 'DM3-POC090',
      version: '6.1',
      nodeCount: 4,
      dataServicesAddress: '10.55.90.38',
    })
    const containers = await prism.storageContainers()
    expect(containers.map(({ name, internal }) => [name, internal])).toEqual([
      ['NutanixManagementShare', true],
      ['Default', false],
      ['SelfServiceContainer', false],
    ])
    expect(containers[0]).toMatchObject({ usedBytes: 15_337_791_488, replicationFactor: 2, compressionEnabled: true })
    const groups = await prism.volumeGroups()
    expect(groups).toHaveLength(19)
    expect(groups[0]).toMatchObject({
      logicalTimestamp: 3,
      chap: true,
      shared: true,
      disks: [{ index: 0, sizeBytes: 53_687_091_200, uuid: '3d760ff1-7bfe-437b-83c0-2801b9e894a6' }],
      attachments: [{ initiatorName: 'iqn.2009-09.com.nutanix:6e7502f5485e' }],
    })
  })
})
