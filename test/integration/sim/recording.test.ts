import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Exchange } from '../../../src/lib/sim/simulator.js'
import { acs } from '../cli/acs.js'
import { startRig } from './sim-client.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-recording-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('a record of what the simulator was asked and answered', () => {
  it('has a line for each answer, also after a restart, and none for those that were lost', async () => {
    const record = join(folder, 'exchanges')
    const rig = await startRig({ record })
    try {
      await rig.client.post('/volume_groups', { name: 'one' })
      await rig.client.get('/nothing?a=b')
      rig.simulator.addFault({ kind: 'drop', match: 'GET /cluster' })
      await expect(rig.client.get('/cluster')).rejects.toThrow()
      await rig.restart()
      await rig.client.get('/cluster/')
    } finally {
      await rig.close()
    }
    const lines = (await readFile(record, 'utf8')).trimEnd().split('\n')
    const exchanges = lines.map((line) => JSON.parse(line) as Exchange & { at: string })
    const base = '/PrismGateway/services/rest/v2.0'
    expect(exchanges).toEqual([
      {
        at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        method: 'POST',
        path: `${base}/volume_groups`,
        route: 'POST v2.0 /volume_groups',
        requestBody: { name: 'one' },
        status: 201,
        body: { task_uuid: expect.any(String) as string },
      },
      expect.objectContaining({ method: 'GET', path: `${base}/nothing`, status: 404 }),
      expect.objectContaining({ method: 'GET', path: `${base}/cluster/`, route: 'GET v2.0 /cluster', status: 200 }),
    ])
    expect((await stat(record)).mode & 0o777).toBe(0o600)
  })

  it('holds no secret', async () => {
    const record = join(folder, 'exchanges')
    const rig = await startRig({ record })
    try {
      const enabled_authentications = [{ auth_type: 'CHAP', password: 'chap-of-target' }]
      const client = { client_address: 'iqn.2000-01.x:one', enabled_authentications: [{ password: 'chap-of-client' }] }
      await rig.client.post('/volume_groups', { name: 'one', enabled_authentications, attached_clients: [client] })
      const userdata = '#cloud-config\npassword: of-a-machine'
      await rig.client.post('/vms', { name: 'one', memory_mb: 1, num_vcpus: 1, vm_customization_config: { userdata } })
      const image_import_spec = { url: 'http://me:of-a-server@127.0.0.1:1/image' }
      await rig.client.done(rig.client.post('/images', { name: 'one', image_import_spec }))
    } finally {
      await rig.close()
    }
    const text = await readFile(record, 'utf8')
    expect(text).toContain('"password":"***"')
    expect(text).not.toMatch(/chap-of-|of-a-machine|of-a-server/)
    expect(text).toContain('http://***@127.0.0.1:1/image')
    expect(text).not.toContain('Basic')
  })

  it('that cannot be made ends the start', async () => {
    const record = join(folder, 'no', 'such', 'file')
    const { code, stderr } = await acs(['sim', 'start', '--detach', '--listen', '127.0.0.1:0', '--record', record], {
      ACS_SIM_DATA: folder,
    })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('EACSSIMRECORD') as string })
  })
})
