import { expect, it, describe } from 'vitest'
import { prismRoutes } from '../../src/lib/sim/rest/all-routes.js'
import { routeName } from '../../src/lib/sim/rest/routes.js'
import { defaultContainer, gib, startRig, type Rig } from '../integration/sim/sim-client.js'
import { specsPresent } from '../specs.js'
import { judgedRoutes } from './run-contract.js'

const initiator = 'iqn.1994-05.com.redhat:contract'
const old = '/api/nutanix/v0.8'
const oldest = '/PrismGateway/services/rest/v1'

describe.skipIf(!specsPresent())('every route', () => {
  it('answers as specified and recorded', async () => {
    const rig = await startRig()
    try {
      await walkCurrent(rig)
      await walkOld(rig)
    } finally {
      await rig.close()
    }
    expect(prismRoutes.map(routeName).filter((name) => !judgedRoutes().has(name))).toEqual([])
  })
})

/** Every v2 route, each with objects that have all their optional parts, and with bare ones. */
async function walkCurrent({ client }: Rig): Promise<void> {
  const container = await defaultContainer(client)
  const disk = { create_config: { size: gib, storage_container_uuid: container } }
  const chap = [{ auth_type: 'CHAP', password: 'secret-of-target' }]
  const full = {
    name: 'full',
    description: 'all there is',
    disk_list: [disk, { ...disk, index: 5, flash_mode_enabled: true }],
    attached_clients: [{ client_address: initiator, enabled_authentications: chap }, { client_address: '192.0.2.7' }],
    enabled_authentications: chap,
    flash_mode_enabled: false,
    is_shared: true,
    is_hidden: false,
    load_balance_vm_attachments: true,
    created_by: 'tester',
    usage_type: 'USER',
  }
  const created = await client.done(client.post('/volume_groups/', full))
  const uuid = created.entity_list[0]!.entity_id
  await client.done(client.post('/volume_groups', { name: 'bare' }))
  const at = `/volume_groups/${uuid}`
  await client.get('/volume_groups')
  await client.get('/volume_groups/?include_disk_size=true&include_disk_path=true')
  await client.get('/volume_groups/health_check_summary')
  await client.get(`${at}/stats/?metrics=num_iops,num_io`)
  const { body } = await client.get(at)
  await client.put(at, { logical_timestamp: body.logical_timestamp, attached_clients: [{ client_address: initiator }] })
  await client.post(`${at}/close`, { iscsi_client: { client_address: initiator } })
  await client.post(`${at}/open`, { iscsi_client: { client_address: initiator } })
  await client.done(
    client.post(`${at}/attach`, { vm_uuid: '0262fc6a-fc11-44a9-8a7b-2a6d1f1dcb10', operation: 'attach' }),
  )
  await client.get(at)
  await client.done(client.post(`${at}/detach`, { vm_uuid: '0262fc6a-fc11-44a9-8a7b-2a6d1f1dcb10' }))
  await client.done(client.post(`${at}/disks`, disk))
  await client.put(`${at}/disks`, { index: 0, upgrade_spec: { size: 2 * gib }, flash_mode_enabled: true })
  await client.done(client.delete(`${at}/disks/1`))
  await client.done(client.post(`${at}/clone`, { name: 'copy' }))
  await client.get('/iscsi_clients/')
  const clients = (await client.get('/iscsi_clients')).body.entities
  await client.get(`/iscsi_clients/${clients[0]!.uuid}`)
  await client.put(`/iscsi_clients/${clients[0]!.uuid}`, { enabled_authentications: [{ auth_type: 'none' }] })
  await client.done(client.delete(at))
  await client.get('/volume_groups/00000000-0000-0000-0000-000000000000')
  await client.get('/nothing')
  await client.post('/tasks/list', { include_completed: true })
  await client.post('/tasks/poll', { completed_tasks: [], timeout_interval: 0 })
  await client.get(`/tasks/${created.uuid}?include_subtasks_info=true`)
  await client.put('/tasks/cancel', [created.uuid])
  await client.get('/storage_containers/?count=2&page=2&sort_criteria=-name')
  await client.post('/storage_containers', { name: 'extra', advertised_capacity: gib })
  const extra = (await client.get('/storage_containers?search_string=extra')).body.entities[0]!
  await client.put('/storage_containers', {
    storage_container_uuid: extra.storage_container_uuid,
    compression_enabled: true,
  })
  await client.get(`/storage_containers/${extra.storage_container_uuid}`)
  await client.get(`/storage_containers/${extra.storage_container_uuid}/stats?metrics=storage.usage_bytes`)
  await client.delete(`/storage_containers/${extra.storage_container_uuid}`)
  await client.get('/cluster/')
  await client.get('/clusters')
  await client.get(`/clusters/${(await client.get('/cluster')).body.uuid}`)
  await client.get(`/hosts/${(await client.get('/hosts/')).body.entities[0]!.uuid}`)
}

async function walkOld({ client }: Rig): Promise<void> {
  const container = await defaultContainer(client)
  const spec = { createSpec: { containerUuid: container, sizeMb: 512 } }
  const { body } = await client.post(`${old}/volume_groups`, { name: 'old', diskList: [spec], isShared: true })
  const done = async (answer: ReturnType<typeof client.get>): Promise<void> => {
    const { taskUuid } = (await answer).body as unknown as { taskUuid: string }
    await client.get(`${old}/tasks/${taskUuid}/poll?timeoutseconds=5`)
  }
  const { taskUuid } = body as unknown as { taskUuid: string }
  await client.get(`${old}/tasks/${taskUuid}/poll?timeoutseconds=5`)
  await client.get(`${old}/tasks/${taskUuid}`)
  await client.get(`${old}/tasks?includeCompleted=true`)
  const groups = (await client.get(`${old}/volume_groups?includeDiskSize=True`)).body as unknown as {
    uuid: string
    name: string
  }[]
  const at = `${old}/volume_groups/${groups.find(({ name }) => name === 'old')!.uuid}`
  await client.post(`${at}/open`, { iscsiInitiator: initiator, operation: 'ATTACH' })
  await client.get(at)
  await client.put(at, { description: 'older' })
  await client.post(`${at}/close`, { iscsiInitiator: initiator })
  await done(client.post(`${at}/attach`, { vmUuid: '0262fc6a-fc11-44a9-8a7b-2a6d1f1dcb10' }))
  await done(client.post(`${at}/detach`, { vmUuid: '0262fc6a-fc11-44a9-8a7b-2a6d1f1dcb10' }))
  await done(client.post(`${at}/disks`, spec))
  await client.put(`${at}/disks`, { index: 0, upgradeSpec: { sizeMb: 1024 } })
  await done(client.delete(`${at}/disks/1`))
  await done(client.post(`${at}/clone`, { name: 'old-copy' }))
  await done(client.delete(at))
  const found = (await client.get(`${oldest}/containers/?searchString=default`)).body.entities[0]!
  await client.get(`${oldest}/containers/${found.id}`)
}
