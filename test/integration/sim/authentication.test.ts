import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRig, type Rig } from './sim-client.js'

let rig: Rig

beforeAll(async () => {
  rig = await startRig({ behaviour: { sessionLifetimeMs: 400 } })
})

afterAll(async () => {
  await rig.close()
})

function cookieOf(headers: Record<string, string | string[] | undefined>): string {
  const [cookie = ''] = headers['set-cookie'] ?? []
  return cookie.split(';')[0] ?? ''
}

it('refuses a wrong password with a challenge and no body', async () => {
  const answer = await rig.client.call('GET', '/cluster', undefined, { Authorization: 'Basic YWRtaW46d3Jvbmc=' })
  expect(answer).toMatchObject({ status: 401, body: undefined, headers: { 'www-authenticate': 'Basic realm="Prism"' } })
  expect(rig.simulator.state().failedLogins).toBe(1)
})

it('counts one login for a client that keeps its cookie', async () => {
  const before = rig.simulator.state().logins
  const first = await rig.client.get('/cluster')
  const Cookie = cookieOf(first.headers)
  expect(Cookie).toMatch(/^JSESSIONID=/)
  for (let time = 0; time < 3; time += 1)
    expect((await rig.client.call('GET', '/cluster', undefined, { Cookie, Authorization: '' })).status).toBe(200)
  expect(rig.simulator.state().logins).toBe(before + 1)
})

it('ends a session that was idle too long', async () => {
  const Cookie = cookieOf((await rig.client.get('/cluster')).headers)
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect((await rig.client.call('GET', '/cluster', undefined, { Cookie, Authorization: '' })).status).toBe(401)
})

it('ends a session on request, once', async () => {
  const Cookie = cookieOf((await rig.client.get('/cluster')).headers)
  rig.simulator.addFault({ kind: 'expire-session', match: 'GET /cluster' })
  const withCookie = (): Promise<{ status: number }> =>
    rig.client.call('GET', '/cluster', undefined, { Cookie, Authorization: '' })
  expect((await withCookie()).status).toBe(401)
  expect(rig.simulator.listFaults()).toEqual([])
})

it('answers under both bases, with and without the last slash', async () => {
  for (const path of ['/api/nutanix/v2.0/cluster', '/PrismGateway/services/rest/v2.0/cluster/'])
    expect((await rig.client.get(path)).status).toBe(200)
  expect((await rig.client.get('/api/nutanix/v2.0/pulse')).status).toBe(404)
  expect((await rig.client.call('PATCH', '/cluster')).status).toBe(405)
})
