import { expect, it, describe } from 'vitest'
import { prismRoutes } from '../../src/lib/sim/rest/all-routes.js'
import { routeName } from '../../src/lib/sim/rest/routes.js'
import { serve } from '../integration/sim/file-server.js'
import { defaultContainer, gib, makeVm, startRig, type Rig } from '../integration/sim/sim-client.js'
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
      await walkMachines(rig)
      await walkOld(rig)
      await walkOldMachines(rig)
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
  const vm_uuid = await makeVm(client)
  await client.done(client.post(`${at}/attach`, { vm_uuid, operation: 'attach' }))
  await client.get(at)
  await client.get(`/vms/${vm_uuid}?include_vm_disk_config=true`)
  await client.done(client.post(`${at}/detach`, { vm_uuid }))
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

/** Networks, images, machines and snapshots: full and bare, on and off. */
async function walkMachines({ client }: Rig): Promise<void> {
  const container = await defaultContainer(client)
  const ip_config = {
    network_address: '10.55.90.0',
    prefix_length: 25,
    default_gateway: '10.55.90.1',
    dhcp_options: { domain_name_servers: '10.55.90.41', domain_name: 'lab.test', domain_search: 'lab.test' },
    pool: [{ range: '10.55.90.44 10.55.90.125' }],
  }
  const created = await client.post('/networks/', { name: 'managed', vlan_id: 1, annotation: 'all', ip_config })
  const { network_uuid } = created.body
  const network = `/networks/${network_uuid}`
  const bare = (await client.post('/networks', { name: 'bare', vlan_id: 2 })).body
  await client.post(`${network}/blacklist_ip_addresses`, { value: '10.55.90.50' })

  const files = await serve((_request, response) => response.end('content'))
  const image_import_spec = { url: files.url('/image'), storage_container_uuid: container }
  const image = await client.done(client.post('/images/', { name: 'image', annotation: 'all', image_import_spec }))
  await files.close()
  const imageAt = `/images/${image.entity_list[0]!.entity_id}`
  const { vm_disk_id } = (await client.get(`${imageAt}?include_vm_disk_sizes=true&include_vm_disk_paths=true`)).body
  const clone = { vm_disk_clone: { disk_address: { vmdisk_uuid: vm_disk_id } } }
  await client.get('/images')
  await client.done(client.put(imageAt, { name: 'renamed', image_type: 'ISO_IMAGE' }))

  const uuid = await makeVm(client, {
    description: 'all there is',
    boot: {
      boot_device_type: 'DISK',
      boot_device_order: ['DISK', 'CDROM'],
      disk_address: { device_bus: 'SCSI', device_index: 0 },
      uefi_boot: true,
    },
    vm_features: { AGENT_VM: false },
    vm_disks: [clone, { is_cdrom: true, is_empty: true }, { is_cdrom: true, ...clone }],
    vm_nics: [
      { network_uuid, requested_ip_address: '10.55.90.60', model: 'virtio' },
      { network_uuid: bare.network_uuid },
    ],
    vm_customization_config: { userdata: '#cloud-config' },
  })
  const at = `/vms/${uuid}`
  const all = '?include_vm_disk_config=true&include_vm_nic_config=true'
  await client.get('/vms')
  await client.get(`/vms/${all}&filter=name==machine&length=1`)
  await client.get(at + all)
  await client.done(client.put(at, { description: 'changed' }))
  await client.done(client.post(`${at}/disks/attach`, { vm_disks: [clone] }))
  const { vm_disk_info } = (await client.get(at + all)).body
  const change = { disk_address: vm_disk_info[0]!.disk_address, vm_disk_create: { size: gib } }
  await client.done(client.put(`${at}/disks/update`, { vm_disks: [change] }))
  await client.done(client.post(`${at}/disks/detach`, { vm_disks: [vm_disk_info.at(-1)!] }))
  await client.get(`${at}/nics/?include_address_assignments=true`)
  await client.done(client.post(`${at}/nics`, { spec_list: [{ network_uuid }] }))
  const [nic] = (await client.get(`${at}/nics`)).body.entities
  const nicAt = `${at}/nics/${nic!.mac_address}`
  await client.get(nicAt)
  await client.done(client.put(nicAt, { nic_spec: { network_uuid, is_connected: false } }))
  await client.done(client.delete(nicAt))
  await client.done(client.post(`${at}/set_power_state/`, { transition: 'on' }))
  await client.get(at + all)
  await client.get('/hosts')
  await client.get('/networks')
  await client.get(network)
  await client.get(`${network}/addresses`)

  const snapshot = await client.done(client.post('/snapshots/', { snapshot_specs: [{ vm_uuid: uuid }] }))
  const snapshotAt = `/snapshots/${snapshot.entity_list[0]!.entity_id}`
  await client.get(snapshotAt)
  await client.get(`/snapshots/?vm_uuid=${uuid}`)
  await client.done(client.post(`${snapshotAt}/clone`, { spec_list: [{ name: 'from-snapshot' }] }))
  await client.done(client.post(`${at}/restore`, { snapshot_uuid: snapshot.entity_list[0]!.entity_id }))
  await client.done(client.post(`${at}/clone`, { spec_list: [{ name: 'clone' }] }))
  await client.done(client.delete(snapshotAt))
  await client.done(client.delete(imageAt))
  for (const vm of (await client.get('/vms')).body.entities) await client.done(client.delete(`/vms/${vm.uuid}`))
  await client.delete(`${network}/blacklist_ip/10.55.90.50`)
  await client.put(network, { name: 'renamed' })
  await client.delete(network)
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
  const vmUuid = await makeVm(client)
  await done(client.post(`${at}/attach`, { vmUuid }))
  await done(client.post(`${at}/detach`, { vmUuid }))
  await done(client.post(`${at}/disks`, spec))
  await client.put(`${at}/disks`, { index: 0, upgradeSpec: { sizeMb: 1024 } })
  await done(client.delete(`${at}/disks/1`))
  await done(client.post(`${at}/clone`, { name: 'old-copy' }))
  await done(client.delete(at))
  const found = (await client.get(`${oldest}/containers/?searchString=default`)).body.entities[0]!
  await client.get(`${oldest}/containers/${found.id}`)
}

/** Networks, images and machines of v0.8 and v1, as full as their models. */
async function walkOldMachines({ client }: Rig): Promise<void> {
  const container = await defaultContainer(client)
  const ip_config = {
    network_address: '10.55.91.0',
    prefix_length: 25,
    dhcp_options: { domain_name_servers: '10.55.91.41', domain_name: 'lab.test' },
    pool: [{ range: '10.55.91.44 10.55.91.125' }],
  }
  const { network_uuid } = (await client.post('/networks', { name: 'old', vlan_id: 3, annotation: 'all', ip_config }))
    .body
  await client.post('/networks', { name: 'old-bare', vlan_id: 4 })
  const files = await serve((_request, response) => response.end('content'))
  const image_import_spec = { url: files.url('/image'), storage_container_uuid: container }
  const image = await client.done(client.post('/images', { name: 'old', annotation: 'all', image_import_spec }))
  await files.close()
  await client.get(`${old}/networks/`)
  const imageUuid = image.entity_list[0]!.entity_id
  const { vmDiskId } = (await client.get(`${old}/images/${imageUuid}?includeVmDiskSizes=true&includeVmDiskPaths=true`))
    .body
  await client.get(`${old}/images/?includeVmDiskSizes=true&includeVMDiskPaths=true`)
  const done = async (answer: ReturnType<typeof client.get>): Promise<string> => {
    const { taskUuid } = (await answer).body
    return (await client.get(`${old}/tasks/${taskUuid}/poll?timeoutseconds=5`)).body.taskInfo.entityList[0]!.uuid
  }
  const clone = { vmDiskClone: { vmDiskUuid: vmDiskId } }
  const uuid = await done(
    client.post(`${oldest}/vms/`, {
      name: 'old-machine',
      description: 'all there is',
      memoryMb: 1024,
      numVcpus: 1,
      numCoresPerVcpu: 2,
      bootConfig: { bootDeviceType: 'DISK', diskAddress: { deviceBus: 'SCSI', deviceIndex: 0 }, uefiBoot: true },
      vmDisks: [clone, { isCdrom: true, isEmpty: true }, { vmDiskCreate: { sizeMb: 1, containerUuid: container } }],
      vmNics: [{ networkUuid: network_uuid, requestedIpAddress: '10.55.91.60', model: 'virtio' }],
      vmCustomizationConfig: { datasourceType: 'CONFIG_DRIVE_V2', userdata: '#cloud-config' },
    }),
  )
  const group = await client.done(client.post('/volume_groups', { name: 'old-seen-by-both' }))
  const groupAt = `/volume_groups/${group.entity_list[0]!.entity_id}`
  await client.done(client.post(`${groupAt}/attach`, { vm_uuid: uuid }))
  const at = `${old}/vms/${uuid}`
  const all = '?includeVMDiskSizes=true&includeVMDiskPaths=true&includeAddressAssignments=true'
  await client.get(at)
  await client.get(`${oldest}/vms/${uuid}`)
  await done(client.post(`${at}/set_power_state/`, { transition: 'on' }))
  await client.get(at + all)
  await client.get(`${old}/vms/${all}`)
  await client.get(`${oldest}/vms/${uuid}`)
  await client.get(`${oldest}/vms/?searchString=old&sortCriteria=-vm_name&count=1`)
  await client.done(client.post(`${groupAt}/detach`, { vm_uuid: uuid }))
  await done(client.delete(`${at}/`))
}
