import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve } from './file-server.js'
import { defaultContainer, makeVm, startRig, type Answer, type Rig } from './sim-client.js'
import type { WireBody } from './wire.js'

/** The bases, and the two slashes behind each, are those of the driver (nutanix/docker-machine v1-final.3). */
const mgmt = '/api/nutanix/v0.8/'
const rest = '/PrismGateway/services/rest/v1/'
const unknown = '00000000-0000-4000-8000-000000000000'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  const ip_config = { network_address: '10.3.0.0', prefix_length: 24, pool: [{ range: '10.3.0.10 10.3.0.99' }] }
  await rig.client.post('/networks', { name: 'other', vlan_id: 4 })
  await rig.client.post('/networks', { name: 'docker', vlan_id: 5, ip_config })
  const files = await serve((_request, response) => response.end(Buffer.alloc(4096, 1)))
  const image_import_spec = { url: files.url('/disk'), storage_container_uuid: await defaultContainer(rig.client) }
  await rig.client.done(rig.client.post('/images', { name: 'ubuntu', image_import_spec }))
  await files.close()
})

afterAll(async () => {
  await rig.close()
})

const find = async (list: string, name: string): Promise<WireBody> => {
  const { body } = await rig.client.get(`${mgmt}${list}`)
  return body.entities.find((entity) => entity.name === name)!
}

/** What the driver sends. */
async function machine(more: object = {}): Promise<{ uuid: string }> {
  const { uuid: networkUuid } = await find('/networks/', 'docker')
  const { vmDiskId } = await find('/images/', 'ubuntu')
  return {
    name: 'docker-host',
    memoryMb: 1024,
    numVcpus: 2,
    numCoresPerVcpu: 2,
    uuid: randomUUID(),
    vmDisks: [{ vmDiskClone: { vmDiskUuid: vmDiskId } }],
    vmNics: [{ networkUuid }],
    vmCustomizationConfig: { userdata: '#cloud-config\r\nusers:\r\n - name: root', datasourceType: 'CONFIG_DRIVE_V2' },
    ...more,
  } as { uuid: string }
}

async function wait(answer: Promise<Answer>): Promise<WireBody['taskInfo']> {
  const { status, body } = await answer
  expect(status).toBe(200)
  // Its `timeoutseconds` never reaches the wire.
  const poll = (await rig.client.get(`${mgmt}tasks/${body.taskUuid}/poll`)).body
  expect(poll.timedOut).toBe(false)
  return poll.taskInfo
}

const create = (body: object): Promise<WireBody['taskInfo']> => wait(rig.client.post(`${rest}/vms/`, body))
const setPower = (uuid: string, transition: string): Promise<Answer> =>
  rig.client.post(`${mgmt}/vms/${uuid}/set_power_state/`, { transition })
const stateOf = async (uuid: string): Promise<string> => (await rig.client.get(`${mgmt}/vms/${uuid}`)).body.state
const about = async (uuid: string): Promise<WireBody> => (await rig.client.get(`${rest}/vms/${uuid}`)).body

describe('the first docker-machine driver', () => {
  it('makes, starts, stops and deletes a machine', async () => {
    const wanted = await machine()
    const { uuid } = wanted
    rig.simulator.behaviour.taskDurationMs = 200
    const accepted = await rig.client.post(`${rest}/vms/`, wanted)
    // It asks until the machine is there, with one disk more than it named: cloud-init's.
    expect((await rig.client.get(`${rest}/vms/${uuid}`)).status).toBe(404)
    const task = await wait(Promise.resolve(accepted))
    rig.simulator.behaviour.taskDurationMs = 0
    expect(task).toMatchObject({
      operationType: 'VM_CREATE',
      progressStatus: 'Succeeded',
      metaResponse: { error: 'kNoError' },
      entityList: [{ uuid, entityType: 'VM' }],
    })
    expect((await about(uuid)).nutanixVirtualDisks).toEqual([
      expect.stringMatching(/^\/default-container-\d+\/\.acropolis\/vmdisk\//),
      expect.stringMatching(/^\/SelfServiceContainer\/\.acropolis\/vmdisk\//),
    ])
    expect(await stateOf(uuid)).toBe('off')

    expect(await wait(setPower(uuid, 'on'))).toMatchObject({ operationType: 'VM_SET_POWER_STATE' })
    expect(await stateOf(uuid)).toBe('on')
    const running = await about(uuid)
    expect(running).toMatchObject({ powerState: 'on', ipAddresses: ['10.3.0.10'], numVCpus: 4 })
    expect(running.hostName).toMatch(/^acs-sim-/)

    await wait(setPower(uuid, 'off'))
    expect(await stateOf(uuid)).toBe('off')
    expect(await about(uuid)).toMatchObject({ powerState: 'off', hostName: null, hostUuid: null })
    expect(await wait(rig.client.delete(`${mgmt}/vms/${uuid}`))).toMatchObject({
      operationType: 'VM_DELETE',
      progressStatus: 'Succeeded',
    })
    expect((await rig.client.get(`${mgmt}/vms/${uuid}`)).status).toBe(404)
    expect((await rig.client.get(`${rest}/vms/${uuid}`)).status).toBe(404)
  })

  it('meets the same machine as clients of v2.0 do', async () => {
    const wanted = await machine({ name: 'seen-by-both', description: 'for tests' })
    await create(wanted)
    const { body } = await rig.client.get(`/vms/${wanted.uuid}?include_vm_disk_config=true&include_vm_nic_config=true`)
    expect(body).toMatchObject({
      name: 'seen-by-both',
      num_vcpus: 2,
      num_cores_per_vcpu: 2,
      memory_mb: 1024,
      description: 'for tests',
      vm_disk_info: [{ size: 4096 }, { is_cdrom: true }],
    })
    const { config } = (await rig.client.get(`${mgmt}/vms/${wanted.uuid}`)).body
    const [disk] = body.vm_disk_info
    expect(config.vmDisks).toMatchObject([
      { id: 'scsi-0', addr: { deviceBus: 'scsi', deviceIndex: 0 }, vmDiskUuid: disk!.disk_address.vmdisk_uuid },
      { id: 'ide-0', isCdrom: true, isEmpty: false },
    ])
    expect(JSON.stringify(await about(wanted.uuid))).not.toContain('cloud-config')
    const made = await makeVm(rig.client, { name: 'of-v2' })
    expect((await about(made)).vmName).toBe('of-v2')
    for (const uuid of [wanted.uuid, made]) await wait(rig.client.delete(`${mgmt}/vms/${uuid}`))
  })

  it('is struck by faults for all its slashes', async () => {
    rig.simulator.addFault({ kind: 'status', match: 'GET /networks', value: 503 })
    expect((await rig.client.get(`${mgmt}/networks/`)).status).toBe(503)
    expect((await rig.client.get(`${mgmt}/networks/`)).status).toBe(200)
  })
})

describe('what v0.8 and v1 show', () => {
  it('has sizes, paths and addresses where they are asked for', async () => {
    const { uuid } = await rig.client
      .get(`${mgmt}/images/`)
      .then(({ body }) => body.entities.find(({ name }) => name === 'ubuntu')!)
    const image = `${mgmt}/images/${uuid}`
    expect((await rig.client.get(image)).body).not.toHaveProperty('vmDiskSize')
    expect((await rig.client.get(`${image}?includeVmDiskSizes=true&includeVmDiskPaths=true`)).body).toMatchObject({
      vmDiskSize: 4096,
      vmDiskPath: expect.stringContaining('/.acropolis/vmdisk/') as string,
    })
    const wanted = await machine()
    await create(wanted)
    const at = `${mgmt}/vms/${wanted.uuid}`
    const bare = (await rig.client.get(at)).body.config
    expect(bare.vmDisks[0]).not.toHaveProperty('vmDiskSize')
    expect(bare.vmNics[0]).not.toHaveProperty('ipAddress')
    const all = '?includeVMDiskSizes=true&includeVMDiskPaths=true&includeAddressAssignments=true'
    const { config } = (await rig.client.get(at + all)).body
    expect(config.vmDisks[0]).toMatchObject({ vmDiskSize: 4096 })
    expect(config.vmNics[0]!.ipAddress).toMatch(/^10\.3\.0\./)
    await wait(rig.client.delete(at))
  })

  it('finds machines in lists', async () => {
    const [one, two] = [await machine({ name: 'one' }), await machine({ name: 'two' })]
    for (const wanted of [one, two]) await create(wanted)
    const names = async (query: string): Promise<string[]> =>
      (await rig.client.get(`${rest}/vms/?${query}`)).body.entities.map(({ vmName }) => vmName)
    expect(await names('sortCriteria=vm_name')).toEqual(['one', 'two'])
    expect(await names('filterCriteria=vm_name%3D%3Dtwo')).toEqual(['two'])
    expect(await names(`filterCriteria=vm_uuid%3D%3D${one.uuid}`)).toEqual(['one'])
    const { body } = await rig.client.get(`${rest}/vms?searchString=two`)
    expect(body.metadata).toMatchObject({ grandTotalEntities: 2, totalEntities: 1 })
    expect((await about(body.entities[0]!.vmId)).vmName).toBe('two')
    const old = (await rig.client.get(`${mgmt}/vms/`)).body
    expect(old.metadata).toEqual({ grandTotalEntities: 2, totalEntities: 2, count: 2 })
    expect(old.entities.map(({ config }) => config.name).sort()).toEqual(['one', 'two'])
    for (const { uuid } of [one, two]) await wait(rig.client.delete(`${mgmt}/vms/${uuid}`))
  })
})

describe('bad requests of v0.8 and v1', () => {
  it.each([
    ['without memory', { memoryMb: undefined }, 500, 'memory_mb'],
    ['without a name', { name: '' }, 500, 'Invalid VM name'],
    ['on a network nobody knows', { vmNics: [{ networkUuid: unknown }] }, 500, 'does not exist'],
    ['on no network', { vmNics: [{}] }, 400, 'network_uuid is missing'],
    ['of an image nobody knows', { vmDisks: [{ vmDiskClone: { vmDiskUuid: unknown } }] }, 500, 'does not exist'],
    ['with an image that is not there yet', { vmDisks: [{ vmDiskClone: {} }] }, 500, 'does not exist'],
    ['with half a UUID', { uuid: '1234' }, 400, 'is not a UUID'],
    ['with words for numbers', { numVcpus: 'two' }, 400, 'must be an integer'],
  ])('make no machine %s', async (_what, wrong, status, message) => {
    const answer = await rig.client.post(`${rest}/vms/`, await machine(wrong))
    expect(answer.status).toBe(status)
    expect(answer.body.message).toContain(message)
    expect((await rig.client.get(`${rest}/vms/`)).body.entities).toEqual([])
  })

  it('are told as such', async () => {
    const wanted = await machine()
    await create(wanted)
    const { uuid } = wanted
    expect((await rig.client.post(`${rest}/vms/`, wanted)).status).toBe(500)
    expect((await setPower(uuid, 'explode')).status).toBe(400)
    expect((await rig.client.post(`${mgmt}/vms/${uuid}/set_power_state/`, {})).status).toBe(400)
    const twice = await wait(setPower(uuid, 'off'))
    expect(twice).toMatchObject({ progressStatus: 'Failed', metaResponse: { error: 'kInternalError' } })
    expect(twice.metaResponse?.errorDetail).toContain('InvalidVmState')
    for (const path of [`vms/${unknown}`, `images/${unknown}`])
      expect((await rig.client.get(`${mgmt}/${path}`)).status).toBe(404)
    expect((await setPower(unknown, 'on')).status).toBe(404)
    expect((await rig.client.delete(`${mgmt}/vms/${unknown}`)).status).toBe(404)
    expect((await rig.client.get(`${rest}/vms/${unknown}`)).status).toBe(404)
    // Running machines are switched off first.
    await wait(setPower(uuid, 'on'))
    expect((await wait(rig.client.delete(`${mgmt}/vms/${uuid}`))).progressStatus).toBe('Succeeded')
  })
})
