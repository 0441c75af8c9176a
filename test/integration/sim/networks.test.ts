import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRig, type Rig } from './sim-client.js'
import type { WireBody } from './wire.js'

let rig: Rig
let vlan = 100

beforeAll(async () => {
  rig = await startRig()
})

afterAll(async () => {
  await rig.close()
})

const managed = {
  network_address: '10.55.90.0',
  prefix_length: 25,
  default_gateway: '10.55.90.1',
  dhcp_options: { domain_name_servers: '10.55.90.41', domain_name: 'lab.test' },
  pool: [{ range: '10.55.90.44 10.55.90.125' }],
}

async function make(name: string, more: object = {}): Promise<string> {
  const { status, body } = await rig.client.post('/networks/', { name, vlan_id: (vlan += 1), ...more })
  expect(status, body.message).toBe(201)
  return body.network_uuid
}

async function refusal(name: string, more: object): Promise<string> {
  const { status, body } = await rig.client.post('/networks', { name, vlan_id: (vlan += 1), ...more })
  expect(status).toBe(500)
  return body.message
}

describe('networks', () => {
  it('are unmanaged without an IP configuration, as recorded', async () => {
    const uuid = await make('unmanaged')
    const { body } = await rig.client.get(`/networks/${uuid}`)
    expect(body).toEqual({
      logical_timestamp: 1,
      vlan_id: vlan,
      ip_config: {
        prefix_length: 0,
        ipam_enabled: false,
        free_ips: -1,
        assigned_ips: -1,
        num_macs: 0,
        dhcp_options: {},
        pool: [],
      },
      uuid,
      virtual_switch_uuid: expect.any(String) as string,
      name: 'unmanaged',
      vswitch_name: 'br0',
    })
  })

  it('count the addresses of a managed one, as recorded', async () => {
    const uuid = await make('managed', { ip_config: managed, annotation: 'for tests' })
    const { body } = await rig.client.get('/networks/')
    expect(body.metadata).toEqual({ grand_total_entities: 2, total_entities: 2 })
    expect(body.entities.find((network) => network.uuid === uuid)).toMatchObject({
      annotation: 'for tests',
      ip_config: {
        network_address: '10.55.90.0',
        prefix_length: 25,
        ipam_enabled: true,
        free_ips: 124,
        assigned_ips: 4,
        default_gateway: '10.55.90.1',
        dhcp_server_address: '10.55.90.126',
        dhcp_options: managed.dhcp_options,
        pool: [{ range: '10.55.90.44 10.55.90.125', num_free_ips: 82, num_total_ips: 82 }],
      },
    })
  })

  it('keep a blacklisted address back', async () => {
    const uuid = await make('listed', { ip_config: managed })
    const at = `/networks/${uuid}`
    const black = await rig.client.post(`${at}/blacklist_ip_addresses`, { value: '10.55.90.44' })
    expect(black).toMatchObject({ status: 201, body: { value: true } })
    expect((await rig.client.get(at)).body.ip_config).toMatchObject({ assigned_ips: 5, pool: [{ num_free_ips: 81 }] })
    const { body } = await rig.client.get(`${at}/addresses`)
    expect(body.entities).toEqual([{ ip_address: '10.55.90.44', type: 'RESERVATION', deleted: false }])
    const again = await rig.client.post(`${at}/blacklist_ip_addresses`, { value: '10.55.90.44' })
    expect(again.status).toBe(500)
    expect((await rig.client.delete(`${at}/blacklist_ip/10.55.90.44`)).body).toEqual({ value: true })
    expect((await rig.client.delete(`${at}/blacklist_ip/10.55.90.44`)).status).toBe(500)
    expect((await rig.client.get(at)).body).toMatchObject({ logical_timestamp: 3, ip_config: { assigned_ips: 4 } })
  })

  it.each([
    ['a subnet with host bits', { network_address: '10.0.0.1', prefix_length: 24 }, /not an IPv4 subnet/],
    ['no prefix', { network_address: '10.0.0.0', prefix_length: 0 }, /not an IPv4 subnet/],
    ['a gateway elsewhere', { ...managed, default_gateway: '10.1.1.1' }, /gateway 10\.1\.1\.1 is not in/],
    ['a pool elsewhere', { ...managed, pool: [{ range: '10.1.1.1 10.1.1.9' }] }, /IP pool .* is not in/],
    [
      'pools that overlap',
      { ...managed, pool: [{ range: '10.55.90.5 10.55.90.9' }, { range: '10.55.90.9 10.55.90.11' }] },
      /overlaps/,
    ],
  ])('refuse %s', async (what, ip_config, expected) => {
    expect(await refusal(what, { ip_config })).toMatch(expected)
  })

  it('refuse a VLAN, a name and a UUID that are taken, and a VLAN that is none', async () => {
    const uuid = await make('first')
    const taken = vlan
    expect(await refusal('second', { vlan_id: taken })).toContain('already exists')
    expect(await refusal('first', {})).toContain('already exists')
    expect(await refusal('third', { uuid })).toContain('already exists')
    expect(await refusal('fourth', { vlan_id: 4095 })).toContain('VLAN ID 4095')
    await make('other-switch', { vlan_id: taken, vswitch_name: 'br1' })
    const garbled = await rig.client.post('/networks', { name: 'x', ip_config: { ...managed, pool: [{ range: '?' }] } })
    expect(garbled.status).toBe(400)
  })

  it('are updated by compare-and-swap, and deleted', async () => {
    const uuid = await make('changing', { ip_config: managed })
    const at = `/networks/${uuid}`
    const read = (await rig.client.get(at)).body
    const renamed: WireBody = { ...read, name: 'changed' }
    expect((await rig.client.put(at, renamed)).body).toEqual({ value: true })
    expect((await rig.client.put(at, renamed)).status).toBe(500)
    expect((await rig.client.get(at)).body).toMatchObject({ name: 'changed', logical_timestamp: 2 })
    const plain = await make('plain')
    expect((await rig.client.put(`/networks/${plain}`, { ip_config: managed })).body.message).toContain('unmanaged')
    expect((await rig.client.delete(`${at}?logical_timestamp=1`)).status).toBe(500)
    expect((await rig.client.delete(`${at}?logical_timestamp=2`)).body).toEqual({ value: true })
    expect((await rig.client.get(at)).status).toBe(404)
  })

  it('are there after a restart', async () => {
    const before = (await rig.client.get('/networks')).body
    await rig.restart()
    expect((await rig.client.get('/networks')).body).toEqual(before)
  })
})
