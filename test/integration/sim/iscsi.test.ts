import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Initiator, keysOf } from '../sim-iscsi/initiator.js'
import { defaultContainer, gib, startRig, type Rig } from './sim-client.js'

const mib = 1024 ** 2
const one = 'iqn.1994-05.test:one'
const other = 'iqn.1994-05.test:other'
let rig: Rig
let container: string
let number = 0
const open: Initiator[] = []

beforeAll(async () => {
  rig = await startRig({ containerCapacityBytes: gib })
  container = await defaultContainer(rig.client)
})

afterEach(() => {
  for (const initiator of open.splice(0)) initiator.close()
  rig.simulator.clearFaults()
})

afterAll(async () => {
  await rig.close()
})

interface Group {
  uuid: string
  target: string
  disk: string
}

async function makeGroup(more: object = {}, sizeBytes = 64 * mib): Promise<Group> {
  const task = await rig.client.done(
    rig.client.post('/volume_groups', {
      name: `iscsi-${(number += 1)}`,
      disk_list: [{ create_config: { size: sizeBytes, storage_container_uuid: container } }],
      attached_clients: [{ client_address: one }],
      ...more,
    }),
  )
  const { body } = await rig.client.get(`/volume_groups/${task.entity_list[0]!.entity_id}`)
  return {
    uuid: body.uuid,
    target: `iqn.2010-06.com.nutanix:${body.iscsi_target}`,
    disk: body.disk_list[0]!.vmdisk_uuid,
  }
}

/** Logs in as any initiator does: at the data services portal, then where that sends it. */
async function enter(name: string, target: string, secret?: string): Promise<Initiator> {
  const portal = await Initiator.connect(rig.simulator.dataServices, name)
  open.push(portal)
  // With CHAP the portal sends on at once, else at the end of the second phase.
  const identity = { InitiatorName: name, SessionType: 'Normal', TargetName: target, AuthMethod: 'CHAP,None' }
  const moved = secret === undefined ? await portal.login({ target }) : await portal.loginPdu(0x81, identity)
  expect(moved.header.readUInt16BE(36)).toBe(0x0101)
  const session = await Initiator.connect(keysOf(moved).TargetAddress!, name)
  open.push(session)
  await session.login({ target, secret })
  // The first command meets the unit attention of a new session.
  await session.command('000000000000')
  return session
}

async function discover(name: string): Promise<string[]> {
  const portal = await Initiator.connect(rig.simulator.dataServices, name)
  open.push(portal)
  await portal.login()
  const header = Buffer.alloc(48)
  header[0] = 0x04
  header[1] = 0x80
  header.writeUInt32BE(1, 16)
  header.writeUInt32BE(0xffffffff, 20)
  header.writeUInt32BE(portal.commandNumber, 24)
  portal.send(header, Buffer.from('SendTargets=All\0'))
  const { data } = await portal.receive()
  return [...data.toString().matchAll(/TargetName=([^\0]+)/g)].map(([, found = '']) => found)
}

function blockCommand(operation: string, block: number, blocks: number): string {
  return `${operation}00${block.toString(16).padStart(8, '0')}00${blocks.toString(16).padStart(4, '0')}00`
}

async function write(session: Initiator, block: number, fill: number): Promise<number> {
  return (await session.command(blockCommand('2a', block, 8), { out: Buffer.alloc(4096, fill) })).status
}

async function read(session: Initiator, block: number): Promise<number> {
  const { data } = await session.command(blockCommand('28', block, 8), { in: 4096 })
  return data[0] ?? -1
}

describe('a volume group over iSCSI', () => {
  it('is seen and entered by those it allows only', async () => {
    const { uuid, target } = await makeGroup()
    expect(await discover(one)).toContain(`${target}-tgt0`)
    expect((await discover(other)).filter((name) => name.startsWith(target))).toEqual([])
    await expect(enter(other, target)).rejects.toThrow(/login 0x020/)
    const session = await enter(one, target)
    expect(await write(session, 0, 7)).toBe(0)
    expect(await read(await enter(one, `${target}-tgt0`), 0)).toBe(7)
    expect(uuid).toBeTruthy()
  })

  it('ends the old holder before the PUT that names a new one is answered', async () => {
    const { uuid, target } = await makeGroup()
    const session = await enter(one, target)
    expect(await write(session, 0, 1)).toBe(0)
    const { body } = await rig.client.get(`/volume_groups/${uuid}`)
    const answer = await rig.client.put(`/volume_groups/${uuid}`, {
      logical_timestamp: body.logical_timestamp,
      attached_clients: [{ client_address: other }],
    })
    expect(answer.status).toBe(200)
    expect(rig.simulator.state().iscsiSessions).toBe(0)
    await expect(write(session, 0, 2)).rejects.toThrow(/closed|PDU/)
    await expect(enter(one, target)).rejects.toThrow(/login 0x020/)
    expect(await read(await enter(other, target), 0)).toBe(1)
  })

  it('asks for the secret of the group', async () => {
    const enabled_authentications = [{ auth_type: 'CHAP', password: 'twelve-letters' }]
    const { target } = await makeGroup({ enabled_authentications })
    await expect(enter(one, target, 'another-secret')).rejects.toThrow(/login 0x0201/)
    expect(await write(await enter(one, target, 'twelve-letters'), 0, 1)).toBe(0)
  })

  it('allows an initiator by its address too', async () => {
    const { target } = await makeGroup({ attached_clients: [{ client_address: '127.0.0.1' }] })
    expect(await write(await enter('iqn.1994-05.test:nameless', target), 0, 1)).toBe(0)
  })

  it('clones with its data, and each goes its own way', async () => {
    const { uuid, target } = await makeGroup()
    const session = await enter(one, target)
    await write(session, 0, 1)
    await write(session, 100_000, 9)
    const task = await rig.client.done(rig.client.post(`/volume_groups/${uuid}/clone`, { name: `${uuid}-clone` }))
    const clone = task.entity_list[0]!.entity_id
    await rig.client.post(`/volume_groups/${clone}/open`, { iscsi_client: { client_address: one } })
    await write(session, 0, 2)
    const { body } = await rig.client.get(`/volume_groups/${clone}`)
    const copied = await enter(one, `iqn.2010-06.com.nutanix:${body.iscsi_target}`)
    expect([await read(copied, 0), await read(copied, 100_000), await read(copied, 50_000)]).toEqual([1, 9, 0])
    expect(await read(session, 0)).toBe(2)
  })

  it('grows under its users, who are told', async () => {
    const { uuid, target } = await makeGroup()
    const session = await enter(one, target)
    await rig.client.put(`/volume_groups/${uuid}/disks`, { index: 0, upgrade_spec: { size: 128 * mib } })
    const told = await session.command('000000000000')
    expect(told.sense?.code).toBe(0x2a09)
    const capacity = await session.command('25000000000000000000', { in: 8 })
    expect((capacity.data.readUInt32BE(0) + 1) * capacity.data.readUInt32BE(4)).toBe(128 * mib)
    expect(await write(session, (100 * mib) / 512, 5)).toBe(0)
  })

  it('keeps its data over a restart', async () => {
    const { target } = await makeGroup()
    const session = await enter(one, target)
    await write(session, 8, 42)
    await session.command('35000000000000000000')
    await rig.restart()
    expect(await read(await enter(one, target), 8)).toBe(42)
  })

  it('fails writes, and new disks, when its container is full', async () => {
    const { uuid, target } = await makeGroup()
    const session = await enter(one, target)
    const name = 'small'
    await rig.client.post('/storage_containers', { name, advertised_capacity: 64 * mib })
    const small = (await rig.client.get(`/storage_containers?search_string=${name}`)).body.entities[0]!
      .storage_container_uuid
    const disk = { create_config: { size: 48 * mib, storage_container_uuid: small } }
    expect((await rig.client.done(rig.client.post(`/volume_groups/${uuid}/disks`, disk))).progress_status).toBe(
      'Succeeded',
    )
    await rig.client.put('/storage_containers', { storage_container_uuid: small, advertised_capacity: 8 * mib })
    await session.command('000000000000')
    const chunk = Buffer.alloc(32 * 1024, 1)
    let failed: number | undefined
    for (let block = 0; block < (32 * mib) / 512 && failed === undefined; block += 64) {
      const { status, sense } = await session.command(blockCommand('2a', block, 64), { out: chunk, lun: 1 })
      if (status !== 0 && sense?.code === 0x2707) failed = block * 512
    }
    expect(failed).toBeGreaterThanOrEqual(4 * mib)
    expect(failed).toBeLessThanOrEqual(16 * mib)
    expect(await write(session, 0, 1)).toBe(0)
    const more = await rig.client.done(rig.client.post(`/volume_groups/${uuid}/disks`, disk))
    expect(more.meta_response.error_detail).toMatch(/NO_SPACE/)
  })

  it('breaks on request', async () => {
    const { target, disk } = await makeGroup()
    const session = await enter(one, target)
    rig.simulator.addFault({ kind: 'disk-error', match: disk })
    expect((await session.command(blockCommand('28', 0, 8), { in: 4096 })).sense?.key).toBe(3)
    expect(await read(session, 0)).toBe(0)
    rig.simulator.addFault({ kind: 'disk-full', match: target })
    expect((await session.command(blockCommand('2a', 0, 8), { out: Buffer.alloc(4096) })).sense?.code).toBe(0x2707)
    rig.simulator.addFault({ kind: 'iscsi-drop', match: `${target}*` })
    await session.closed
    expect(rig.simulator.listFaults()).toEqual([])
    expect(await read(await enter(one, target), 0)).toBe(0)
    for (const initiator of open.splice(0)) initiator.close()
    await expect.poll(() => rig.simulator.state().iscsiSessions).toBe(0)
    // With nobody there, it waits for the next one.
    rig.simulator.addFault({ kind: 'iscsi-drop', match: one })
    await expect(enter(one, target)).rejects.toThrow(/closed/)
    expect(await read(await enter(one, target), 0)).toBe(0)
  })
})
