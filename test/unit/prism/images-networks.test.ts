import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import nock from 'nock'
import { describe, expect, it } from 'vitest'
import type { ImageSpec } from '../../../src/lib/prism/prism.js'
import { requirement } from '../../requirements.js'
import { specsFolder } from '../../specs.js'
import { base, client, origin, taskBody, useNock } from './nock-prism.js'
import { becomesTask, cookie } from './nock-vms.js'

useNock()

describe('images', () => {
  const image = {
    uuid: 'i1',
    name: 'debian',
    annotation: '12',
    image_type: 'DISK_IMAGE',
    image_state: 'ACTIVE',
    vm_disk_id: 'd1',
    vm_disk_size: 2 ** 31,
    storage_container_uuid: 'c1',
    created_time_in_usecs: 1_610_288_160_827_000,
    logical_timestamp: 1,
    deleted: false,
  }
  const seen = {
    uuid: 'i1',
    name: 'debian',
    description: '12',
    kind: 'disk' as const,
    active: true,
    diskUuid: 'd1',
    sizeBytes: 2 ** 31,
    storageContainerUuid: 'c1',
    createdAt: new Date(1_610_288_160_827),
    logicalTimestamp: 1,
  }

  it('are listed with their sizes, whatever is missing', async () => {
    const entities = [
      image,
      { uuid: 'i2', image_type: 'vhd', image_state: 'inactive' },
      { ...image, uuid: 'i3', deleted: true },
    ]
    nock(origin).get(`${base}/images/`).query({ include_vm_disk_sizes: true }).reply(200, { entities }, cookie)
    expect(await client().prism.images()).toEqual([
      seen,
      { uuid: 'i2', name: '', description: '', kind: 'unknown', active: false, logicalTimestamp: 0 },
    ])
  })

  it.each<[ImageSpec['source'], Record<string, unknown>]>([
    [
      { url: 'https://example.com/d.qcow2', storageContainerUuid: 'c1', sha256: 'ab' },
      {
        image_import_spec: {
          url: 'https://example.com/d.qcow2',
          storage_container_uuid: 'c1',
          checksum: 'ab',
          checksum_type: 'SHA_256',
        },
      },
    ],
    [{ diskUuid: 'd9' }, { vm_disk_clone_spec: { disk_address: { vmdisk_uuid: 'd9' } } }],
  ])('are made of %j', async (source, words) => {
    const call = becomesTask(
      'POST',
      '/images/',
      taskBody('Succeeded', { entity_list: [{ entity_id: 'i1', entity_type: 'Image' }] }),
    )
    nock(origin).get(`${base}/images/i1/`).query({ include_vm_disk_sizes: true }).reply(200, image)
    const spec: ImageSpec = { name: 'debian', uuid: 'i1', description: '12', kind: 'iso', source }
    expect(await client().prism.createImage(spec)).toEqual({ uuid: 'i1', taskUuid: 't1' })
    expect(call.sent()).toEqual({ uuid: 'i1', name: 'debian', annotation: '12', image_type: 'ISO_IMAGE', ...words })
  })

  it('are deleted, and one marked as deleted is gone', async () => {
    const { prism } = client()
    becomesTask('DELETE', '/images/i1/?logical_timestamp=1')
    expect(await prism.deleteImage(seen)).toEqual({ taskUuid: 't1' })
    nock(origin).delete(`${base}/images/i1/?logical_timestamp=1`).reply(500, { message: 'no' })
    nock(origin)
      .get(`${base}/images/i1/`)
      .query(true)
      .reply(200, { ...image, deleted: true })
    await expect(prism.deleteImage(seen)).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
    nock(origin).delete(`${base}/images/i1/?logical_timestamp=1`).reply(500, { message: 'no' })
    nock(origin)
      .get(`${base}/images/i1/`)
      .query(true)
      .reply(200, { ...image, logical_timestamp: 2 })
    await expect(prism.deleteImage(seen)).rejects.toMatchObject({ code: 'EACSSTALE' })
  })
})

describe('networks', () => {
  const network = { uuid: 'n1', name: 'Primary', vlan_id: 7, vswitch_name: 'br0', logical_timestamp: 73 }

  it('are made at once, in the words of the specification', async () => {
    let sent: unknown
    nock(origin)
      .post(`${base}/networks/`, (body: unknown) => {
        sent = body
        return true
      })
      .reply(201, { network_uuid: 'n1' }, cookie)
    const ip = {
      networkAddress: '10.0.0.0',
      prefixLength: 24,
      defaultGateway: '10.0.0.1',
      domainName: 'lab',
      nameServers: ['10.0.0.2', '10.0.0.3'],
      pools: [{ first: '10.0.0.10', last: '10.0.0.99' }],
    }
    const spec = { name: 'Primary', description: 'x', vlanId: 7, virtualSwitch: 'br0', ip }
    expect(await client().prism.createNetwork(spec)).toEqual({ uuid: 'n1' })
    expect(sent).toEqual({
      name: 'Primary',
      annotation: 'x',
      vlan_id: 7,
      vswitch_name: 'br0',
      ip_config: {
        network_address: '10.0.0.0',
        prefix_length: 24,
        default_gateway: '10.0.0.1',
        dhcp_options: { domain_name: 'lab', domain_name_servers: '10.0.0.2,10.0.0.3' },
        pool: [{ range: '10.0.0.10 10.0.0.99' }],
      },
    })
  })

  it.each([
    [{ name: 'Primary', vlanId: 8 }, 'there is already a network "Primary"'],
    [{ name: 'other', vlanId: 7 }, 'the network "Primary" has VLAN 7 already'],
    [{ name: 'other', vlanId: 7, virtualSwitch: 'br0' }, 'the network "Primary" has VLAN 7 already'],
  ])('that are taken exist: %j', async (spec, message) => {
    nock(origin).post(`${base}/networks/`).reply(500, { message: 'kExists' }, cookie)
    nock(origin)
      .get(`${base}/networks/`)
      .reply(200, { entities: [network] })
    await expect(client().prism.createNetwork(spec)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSEXISTS',
      message,
    })
  })

  it('refused for another reason keep it', async () => {
    nock(origin).post(`${base}/networks/`).reply(500, { message: 'already in use' }, cookie)
    nock(origin)
      .get(`${base}/networks/`)
      .reply(200, { entities: [network] })
    const elsewhere = { name: 'other', vlanId: 7, virtualSwitch: 'br1' }
    await expect(client().prism.createNetwork(elsewhere)).rejects.toMatchObject({ code: 'EACSPRISM' })
  })

  it('are deleted at once', async () => {
    nock(origin)
      .get(`${base}/networks/`)
      .reply(200, { entities: [network] }, cookie)
    nock(origin).delete(`${base}/networks/n1?logical_timestamp=73`).reply(200, { value: true })
    const { prism } = client()
    const [seen] = await prism.networks()
    await prism.deleteNetwork(seen!)
  })

  const recorded = join(specsFolder, 'recorded-v2')

  it.skipIf(!requirement('recorded answers', [{ folder: recorded }]))(
    'recorded on AOS 6.1 are understood',
    async () => {
      const text = readFileSync(join(recorded, 'get_networks_v2.json'), 'utf8')
      nock(origin).get(`${base}/networks/`).reply(200, text, cookie)
      expect(await client().prism.networks()).toEqual([
        {
          uuid: 'f84c65e9-962e-424c-9f54-93b8b352c1c2',
          name: 'Secondary',
          description: '',
          vlanId: 901,
          logicalTimestamp: 1,
          virtualSwitch: 'br0',
        },
        {
          uuid: 'ddf5a608-59e2-413c-9a8b-8c64efa1315b',
          name: 'Primary',
          description: '',
          vlanId: 0,
          logicalTimestamp: 73,
          virtualSwitch: 'br0',
          ip: {
            networkAddress: '10.55.90.0',
            prefixLength: 25,
            defaultGateway: '10.55.90.1',
            dhcpServerAddress: '10.55.90.126',
            nameServers: ['10.55.90.41'],
            pools: [{ first: '10.55.90.44', last: '10.55.90.125' }],
            freeAddresses: 105,
            assignedAddresses: 23,
          },
        },
      ])
    },
  )
})
