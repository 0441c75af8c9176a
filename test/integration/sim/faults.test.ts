import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRig, type Rig } from './sim-client.js'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
})

afterAll(async () => {
  await rig.close()
})

it('strikes as often as asked, where it was asked', async () => {
  const fault = (
    await rig.client.post('/sim/v1/faults', { kind: 'status', value: 503, count: 2, match: 'GET /volume_groups*' })
  ).body
  expect((await rig.client.get('/cluster')).status).toBe(200)
  expect((await rig.client.get('/volume_groups/')).status).toBe(503)
  expect((await rig.client.get('/sim/v1/faults')).body).toMatchObject([{ kind: 'status', count: 1 }])
  expect(fault.count).toBe(2)
  expect((await rig.client.get('/api/nutanix/v2.0/volume_groups')).status).toBe(503)
  expect((await rig.client.get('/volume_groups')).status).toBe(200)
})

it('stays until cleared when asked to, and never closes its own API', async () => {
  await rig.client.post('/sim/v1/faults', { kind: 'status', value: 500, count: null })
  for (let time = 0; time < 3; time += 1) expect((await rig.client.get('/cluster')).status).toBe(500)
  expect((await rig.client.delete('/sim/v1/faults')).body.cleared).toBe(1)
  expect((await rig.client.get('/cluster')).status).toBe(200)
})

it('drops a connection', async () => {
  rig.simulator.addFault({ kind: 'drop', match: 'GET /cluster' })
  await expect(rig.client.get('/cluster')).rejects.toThrow(/socket hang up|ECONNRESET/)
  expect((await rig.client.get('/cluster')).status).toBe(200)
})

it('drops the answer only, when told so', async () => {
  rig.simulator.addFault({ kind: 'drop', match: 'POST /volume_groups', when: 'after' })
  await expect(rig.client.post('/volume_groups', { name: 'unanswered' })).rejects.toThrow(/socket hang up|ECONNRESET/)
  await expect
    .poll(async () => (await rig.client.get('/volume_groups')).body.entities.map(({ name }) => name))
    .toContain('unanswered')
})

it('delays an answer', async () => {
  rig.simulator.addFault({ kind: 'delay', value: 300, match: 'GET /cluster' })
  const startedAt = performance.now()
  await rig.client.get('/cluster')
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(295)
})

it.each([
  [{ kind: 'earthquake' }, 'kind'],
  [{ kind: 'delay' }, 'delay'],
  [{ kind: 'status', value: 200 }, '400'],
  [{ kind: 'drop', count: 0 }, 'count'],
])('refuses %j', async (fault, why) => {
  const answer = await rig.client.post('/sim/v1/faults', fault)
  expect(answer.status).toBe(400)
  expect(answer.body.message).toContain(why)
})

it('turns its switches while it runs', async () => {
  expect((await rig.client.put('/sim/v1/behaviour', { unknownStatus: 500 })).status).toBe(200)
  expect((await rig.client.get('/volume_groups/11111111-1111-1111-1111-111111111111')).status).toBe(500)
  expect((await rig.client.put('/sim/v1/behaviour', { unknownStatus: 200 })).status).toBe(400)
  expect((await rig.client.put('/sim/v1/behaviour', { nonsense: 1 })).status).toBe(400)
})
