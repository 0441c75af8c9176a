import { inspect } from 'node:util'
import nock from 'nock'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { redactKnown } from '../../../src/lib/base/redact.js'
import { base, basic, client, clusterBody, origin, useNock } from './nock-prism.js'

useNock()

const path = `${base}/cluster/`

describe('login', () => {
  it('sends Basic once, then only the cookie', async () => {
    const seen: Record<string, unknown>[] = []
    nock(origin)
      .get(path)
      .times(3)
      .reply(function () {
        seen.push({ authorization: this.req.headers.authorization, cookie: this.req.headers.cookie })
        return [200, clusterBody, { 'set-cookie': 'JSESSIONID=abc; Path=/; Secure; HttpOnly' }]
      })
    const { prism } = client()
    for (let call = 0; call < 3; call += 1) await prism.cluster()
    expect(seen).toEqual([
      { authorization: basic(), cookie: undefined },
      { authorization: undefined, cookie: 'JSESSIONID=abc' },
      { authorization: undefined, cookie: 'JSESSIONID=abc' },
    ])
  })

  it('hides its header and its cookie from whatever quotes them', async () => {
    const cookie = 'A1B2C3D4E5F60718'
    nock(origin)
      .get(path)
      .reply(200, clusterBody, { 'set-cookie': `JSESSIONID=${cookie}; Path=/` })
    await client().prism.cluster()
    const login = basic().replace('Basic ', '')
    expect(redactKnown(`I do not like ${login}, nor ${cookie}`)).toBe('I do not like ***, nor ***')
  })

  it('lets a storm of calls wait for one login', async () => {
    const authorizations: unknown[] = []
    nock(origin)
      .get(path)
      .times(40)
      .delay(20)
      .reply(function () {
        authorizations.push(this.req.headers.authorization)
        return [200, clusterBody, { 'set-cookie': 'JSESSIONID=abc' }]
      })
    const { prism } = client()
    await Promise.all(Array.from({ length: 40 }, () => prism.cluster()))
    expect(authorizations.filter((value) => value !== undefined)).toEqual([basic()])
  })

  it('logs in anew, once for all, when the session was lost', async () => {
    let valid = 'first'
    let logins = 0
    nock(origin)
      .get(path)
      .times(31)
      .reply(function () {
        const { cookie, authorization } = this.req.headers
        if (authorization) {
          logins += 1
          return [200, clusterBody, { 'set-cookie': `JSESSIONID=${valid}` }]
        }
        return String(cookie) === `JSESSIONID=${valid}` ? [200, clusterBody] : [401, '']
      })
    const { prism } = client()
    await prism.cluster()
    await prism.cluster()
    valid = 'second'
    await Promise.all(Array.from({ length: 10 }, () => prism.cluster()))
    expect(logins).toBe(2)
    // 2 before, at most 10 lost, at most 10 repeated: what is left of 31 was not needed.
    nock.cleanAll()
  })

  it('does not try a refused password again, also not for the calls that wait', async () => {
    let tries = 0
    nock(origin)
      .get(path)
      .delay(10)
      .reply(() => {
        tries += 1
        return [401, '']
      })
    const { prism } = client()
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => prism.cluster()))
    await expect(prism.cluster()).rejects.toMatchObject({ code: 'EACSAUTH', kind: 'auth' })
    expect(tries).toBe(1)
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'EACSAUTH' } })
  })

  it('tries again when the password has changed', async () => {
    nock(origin).get(path).matchHeader('authorization', basic('old')).reply(401)
    nock(origin).get(path).matchHeader('authorization', basic('new')).reply(200, clusterBody)
    let password = 'old'
    const { prism } = client({ password: () => Promise.resolve(password) })
    await expect(prism.cluster()).rejects.toMatchObject({ code: 'EACSAUTH' })
    password = 'new'
    await expect(prism.cluster()).resolves.toMatchObject({ name: 'lab' })
  })

  it('sends Basic each time, one after the other, where no cookie comes', async () => {
    let running = 0
    let most = 0
    const authorizations: unknown[] = []
    nock(origin)
      .get(path)
      .times(5)
      .reply(async function () {
        authorizations.push(this.req.headers.authorization)
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 10))
        running -= 1
        return [200, clusterBody]
      })
    const { prism } = client()
    await Promise.all(Array.from({ length: 5 }, () => prism.cluster()))
    expect(authorizations).toEqual(Array(5).fill(basic()))
    expect(most).toBe(1)
  })

  it('goes back to Basic where cookies are no session', async () => {
    let requests = 0
    nock(origin)
      .get(path)
      .times(8)
      .reply(function () {
        requests += 1
        return this.req.headers.authorization ? [200, clusterBody, { 'set-cookie': 'lb=1' }] : [401, '']
      })
    const { prism } = client()
    for (let call = 0; call < 5; call += 1) await prism.cluster()
    // 1 login; twice a lost cookie and a login; then Basic at once.
    expect(requests).toBe(7)
    nock.cleanAll()
  })
})

describe('repeats', () => {
  it('repeats a GET after 503, 502 and a reset', async () => {
    nock(origin).get(path).reply(503)
    nock(origin).get(path).reply(502)
    nock(origin)
      .get(path)
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    nock(origin).get(path).reply(200, clusterBody)
    const { prism, events } = client()
    await expect(prism.cluster()).resolves.toMatchObject({ name: 'lab' })
    expect(events.map(({ retry, status, error }) => [retry, status ?? error?.split(':')[0]])).toEqual([
      [0, 503],
      [1, 502],
      [2, 'ECONNRESET'],
      [3, 200],
    ])
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1)
  })

  it('gives up after five tries', async () => {
    nock(origin).get(path).times(5).reply(503, { message: 'warming up' })
    const { prism } = client()
    await expect(prism.cluster()).rejects.toMatchObject({
      code: 'EACSUNREACHABLE',
      kind: 'timeout',
      message: expect.stringContaining('warming up') as string,
    })
  })

  it('does not repeat a POST that may have been carried out', async () => {
    nock(origin)
      .post(`${base}/volume_groups/g/disks`)
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    const { prism } = client()
    const adding = prism.addDisk('g', { sizeBytes: 1, storageContainerUuid: 'c' })
    await expect(adding).rejects.toMatchObject({ code: 'EACSUNREACHABLE', details: { ambiguous: true } })
  })

  it.each([
    ['seconds', () => '1'],
    ['a date', () => new Date(Date.now() + 2_000).toUTCString()],
  ])('waits as long as Retry-After says in %s', async (_what, header) => {
    nock(origin).get(path).reply(503, '', { 'retry-after': header() })
    nock(origin).get(path).reply(200, clusterBody)
    const started = performance.now()
    await client().prism.cluster()
    expect(performance.now() - started).toBeGreaterThan(900)
  })

  it('does not sleep into the deadline', async () => {
    nock(origin).get(path).reply(503, '', { 'retry-after': '3600' })
    const started = performance.now()
    await expect(client().prism.cluster({ deadline: deadlineIn(5_000) })).rejects.toMatchObject({
      code: 'EACSUNREACHABLE',
    })
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('says EACSTIMEOUT when the time is up, EACSINTERRUPTED on Ctrl-C', async () => {
    nock(origin).get(path).times(2).delay(5_000).reply(200, clusterBody)
    const { prism } = client()
    await expect(prism.cluster({ deadline: deadlineIn(50) })).rejects.toMatchObject({ code: 'EACSTIMEOUT' })
    const control = new AbortController()
    setTimeout(() => control.abort(new Error('SIGINT')), 50)
    await expect(prism.cluster({ deadline: deadlineIn(5_000, control.signal) })).rejects.toMatchObject({
      code: 'EACSINTERRUPTED',
    })
  })
})

describe('refusals', () => {
  it("carries Prism's own message, without the stack trace", async () => {
    nock(origin)
      .get(path)
      .reply(500, {
        message: 'Hypervisor ahv not supported',
        detailed_message: 'com.nutanix.prism.exception.X: Hypervisor ahv not supported\n\tat com.nutanix',
        error_code: { code: 1101, help_url: 'http://my.nutanix.com' },
      })
    const error = await client()
      .prism.cluster()
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'EACSPRISM',
      message: 'Prism refused: Hypervisor ahv not supported',
      details: { status: 500, errorCode: 1101, method: 'GET', path: '/cluster/' },
    })
  })

  it.each([
    [{ detailed_message: 'com.nutanix.prism.Foo: it broke\n\tat x' }, 'Prism refused: it broke'],
    [{ message_list: [{ message: 'No permission' }] }, 'Prism refused: No permission'],
    ['<html>proxy</html>', 'Prism refused: it answered HTTP 500 with a page'],
    ['', 'Prism refused: HTTP 500 without an explanation'],
    ['[1]', 'Prism refused: HTTP 500 without an explanation'],
  ])('understands %j', async (body, message) => {
    nock(origin).get(path).reply(500, body)
    await expect(client().prism.cluster()).rejects.toThrow(message)
  })

  it.each([
    [403, 'EACSPERMISSION'],
    [404, 'EACSNOTFOUND'],
    [302, 'EACSPRISM'],
    [422, 'EACSPRISM'],
  ])('maps %i to %s', async (status, code) => {
    nock(origin).get(path).reply(status, {}, { location: 'https://elsewhere/' })
    await expect(client().prism.cluster()).rejects.toMatchObject({ code })
  })

  it('refuses an answer that is no JSON', async () => {
    nock(origin).get(path).reply(200, '<html>Welcome</html>')
    await expect(client().prism.cluster()).rejects.toMatchObject({ code: 'EACSPRISM' })
  })
})

describe('secrets', () => {
  it('stay out of log and errors, also when the network fails', async () => {
    const cookie = { 'set-cookie': 'JSESSIONID=abc' }
    nock(origin).get(path).reply(200, clusterBody, cookie)
    nock(origin).post(`${base}/volume_groups/`).reply(500, { message: 'no' }, cookie)
    nock(origin)
      .get(/volume_groups/)
      .reply(404)
    nock(origin)
      .post(/disks/)
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    const { prism, events } = client()
    await prism.cluster()
    const failures = await Promise.allSettled([
      prism.createVolumeGroup({ name: 'x', disks: [], chapSecret: 'chap-secret-1' }),
      prism.addDisk('g', { sizeBytes: 1, storageContainerUuid: 'c' }),
    ])
    expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const seen = JSON.stringify(events) + inspect(failures, { depth: 20, showHidden: true })
    for (const secret of ['s3cret!', basic().slice(6), 'chap-secret-1', 'JSESSIONID=abc'])
      expect(seen).not.toContain(secret)
    const creation = events.find(({ path: asked }) => asked === '/volume_groups/')
    expect(creation?.body).toMatchObject({ enabled_authentications: [{ auth_type: 'CHAP', password: '[redacted]' }] })
  })
})
