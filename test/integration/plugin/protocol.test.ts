import { describe, expect, test } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { hideSecret } from '../../../src/lib/base/redact.js'
import { CannotTell } from '../../../src/lib/plugin/driver.js'
import { recordingDriver } from './recording-driver.js'
import { gate, startServerLab } from './server-lab.js'
import { dockerdRequest, podmanRequest } from './wire.js'

const id = 'a'.repeat(64)
const request = / \(EACS[A-Z]+, request [0-9a-f]{8}\)$/

/** The text of an error as Docker shows it, without the request's ID. */
function err(body: string): string {
  const { Err, ...rest } = JSON.parse(body) as { Err: string }
  expect(rest).toEqual({})
  expect(Err).toMatch(request)
  return Err.replace(request, '')
}

describe('the nine calls, byte for byte', () => {
  test('as dockerd makes them, on one connection', async () => {
    const driver = recordingDriver()
    const lab = await startServerLab(driver)
    const wire = await lab.wire()
    const exchange = async (call: string, body: string): Promise<string> => {
      wire.send(dockerdRequest(call, body))
      const { status, headers, body: answer } = await wire.answer()
      expect(status, answer).toBe(200)
      expect(headers['content-type']).toBe('application/vnd.docker.plugins.v1.2+json')
      // dockerd keeps the connection; a limit on its idle time would make it lose a request's body one day.
      expect(headers.connection).toBe('keep-alive')
      expect(headers).not.toHaveProperty('keep-alive')
      return answer
    }
    const volume = '{"Name":"v","Mountpoint":"","CreatedAt":"2026-01-02T03:04:05.000Z"}'
    expect(await exchange('Plugin.Activate', '')).toBe('{"Implements":["VolumeDriver"]}')
    expect(await exchange('VolumeDriver.Capabilities', '{}\n')).toBe('{"Capabilities":{"Scope":"global"}}')
    expect(await exchange('VolumeDriver.Create', '{"Name":"v","Opts":{"size":"10G"}}\n')).toBe('{"Err":""}')
    expect(await exchange('VolumeDriver.Create', '{"Name":"n","Opts":null}\n')).toBe('{"Err":""}')
    expect(await exchange('VolumeDriver.Get', '{"Name":"v"}\n')).toBe(`{"Volume":${volume},"Err":""}`)
    expect(await exchange('VolumeDriver.Remove', '{"Name":"n"}\n')).toBe('{"Err":""}')
    expect(await exchange('VolumeDriver.List', '{}\n')).toBe(`{"Volumes":[${volume}],"Err":""}`)
    expect(await exchange('VolumeDriver.Path', '{"Name":"v"}\n')).toBe('{"Mountpoint":"","Err":""}')
    expect(await exchange('VolumeDriver.Mount', `{"Name":"v","ID":"${id}"}\n`)).toBe(
      '{"Mountpoint":"/mnt/acs/v","Err":""}',
    )
    expect(await exchange('VolumeDriver.Path', '{"Name":"v"}\n')).toBe('{"Mountpoint":"/mnt/acs/v","Err":""}')
    expect(await exchange('VolumeDriver.Unmount', `{"Name":"v","ID":"${id}"}\n`)).toBe('{"Err":""}')
    expect(driver.asked).toEqual([
      ['create', { name: 'v', options: { size: '10G' } }],
      ['create', { name: 'n', options: {} }],
      ['get', { name: 'v' }],
      ['remove', { name: 'n' }],
      ['list', {}],
      ['path', { name: 'v' }],
      ['mount', { name: 'v', id }],
      ['path', { name: 'v' }],
      ['unmount', { name: 'v', id }],
    ])
  })

  test('as Podman makes them', async () => {
    const driver = recordingDriver()
    const lab = await startServerLab(driver)
    const call = async (name: string, body = ''): Promise<string> => {
      const wire = await lab.wire()
      wire.send(podmanRequest(name, body))
      const answer = await wire.answer()
      expect(answer.status).toBe(200)
      return answer.body
    }
    expect(await call('Plugin.Activate')).toBe('{"Implements":["VolumeDriver"]}')
    expect(await call('VolumeDriver.Create', '{"Name":"p"}')).toBe('{"Err":""}')
    expect(await call('VolumeDriver.List')).toContain('"Name":"p"')
    expect(await call('VolumeDriver.Mount', `{"Name":"p","ID":"${id}"}`)).toContain('/mnt/acs/p')
    expect(driver.asked[0]).toEqual(['create', { name: 'p', options: {} }])
  })

  test('status and times reach Docker in a form that Go reads', async () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const volumes = [
      {
        name: 'good',
        mountPoint: '/m',
        createdAt: '2026-01-02T03:04:05+02:00',
        status: { size: '1 GiB', sessions: [1] },
      },
      { name: 'bad-time', createdAt: 'yesterday' },
      { name: 'no-time', createdAt: '' },
      { name: 'far-time', createdAt: '+012026-01-02T03:04:05Z' },
      { name: 'list', status: [1] as unknown as Record<string, unknown> },
      { name: 'circle', status: circle },
      { name: 'big', status: { size: 1n } },
    ]
    const lab = await startServerLab(
      recordingDriver({
        list: () => Promise.resolve(volumes),
        get: ({ name }) => Promise.resolve(volumes.find((volume) => volume.name === name)!),
      }),
    )
    const expected = [
      {
        Name: 'good',
        Mountpoint: '/m',
        CreatedAt: '2026-01-02T01:04:05.000Z',
        Status: { size: '1 GiB', sessions: [1] },
      },
      ...['bad-time', 'no-time', 'far-time', 'list', 'circle', 'big'].map((Name) => ({ Name, Mountpoint: '' })),
    ]
    expect(JSON.parse((await lab.call('VolumeDriver.List', {})).body)).toEqual({ Volumes: expected, Err: '' })
    for (const one of expected)
      expect(JSON.parse((await lab.call('VolumeDriver.Get', { Name: one.Name })).body)).toEqual({
        Volume: one,
        Err: '',
      })
    expect(lab.log.filter(({ level }) => level === 'error').map(({ fields }) => fields.volume)).toContain('circle')
  })
})

describe('errors', () => {
  test('are one line with what to do next and the request to look for in the log', async () => {
    const lab = await startServerLab(
      recordingDriver({
        mount: () =>
          Promise.reject(
            new AcsError('conflict', 'EACSHELD', 'volume db is in use by container web\n on host b\u001b[31m', {
              hints: ['acs volume explain db', 'second hint'],
            }),
          ),
      }),
    )
    const { status, body } = await lab.call('VolumeDriver.Mount', { Name: 'db', ID: id })
    expect(status).toBe(500)
    expect(err(body)).toBe('volume db is in use by container web; on host b\\u{1b}[31m. Try: acs volume explain db')
    const requestId = /request (\w+)/.exec(body)![1]
    expect(lab.log).toEqual([
      {
        level: 'warn',
        message: 'failed',
        fields: expect.objectContaining({
          requestId,
          call: 'Mount',
          volume: 'db',
          mountId: id,
          outcome: 'error',
          code: 'EACSHELD',
          ms: expect.any(Number) as number,
        }) as object,
      },
    ])
  })

  test('tell no secret', async () => {
    hideSecret('Marker-4711')
    const lab = await startServerLab(
      recordingDriver({
        create: () => Promise.reject(new Error('login as admin:Marker-4711, password=hunter2 failed')),
      }),
    )
    const { body } = await lab.call('VolumeDriver.Create', { Name: 'db' })
    expect(err(body)).toBe(
      "Error: login as admin:***, password=*** failed; this is a bug in acs. Try: Report it with the plugin's log of this request",
    )
  })

  test('have a bounded length', async () => {
    const lab = await startServerLab(
      recordingDriver({ create: () => Promise.reject(new AcsError('failed', 'EACSTASK', 'x'.repeat(1_000_000))) }),
    )
    const { body } = await lab.call('VolumeDriver.Create', { Name: 'db' })
    expect(body.length).toBeLessThan(2_100)
  })

  test('of a Get are told only when the volume is known not to exist', async () => {
    const causes = [
      new CannotTell('Prism does not answer'),
      new AcsError('timeout', 'EACSUNREACHABLE', 'Prism does not answer'),
      new AcsError('not-found', 'EACSNODISK', 'the group has no disk'),
      new TypeError('undefined is not a function'),
    ]
    const lab = await startServerLab(
      recordingDriver({
        get: ({ name }) => {
          const cause = causes[Number(name)]
          return Promise.reject(cause ?? new AcsError('not-found', 'EACSNOTFOUND', `there is no volume "${name}"`))
        },
      }),
    )
    for (const index of causes.keys())
      await expect(lab.call('VolumeDriver.Get', { Name: String(index) })).rejects.toThrow('without an answer')
    const { status, body } = await lab.call('VolumeDriver.Get', { Name: 'gone' })
    expect([status, err(body)]).toEqual([500, 'there is no volume "gone"'])
    expect(lab.log.map(({ fields }) => [fields.outcome, fields.code])).toEqual([
      ['dropped', 'CannotTell'],
      ['dropped', 'EACSUNREACHABLE'],
      ['dropped', 'EACSNODISK'],
      ['dropped', 'EACSBUG'],
      ['not-found', 'EACSNOTFOUND'],
    ])
    // A connection per call: the next one is served as if nothing had been.
    expect((await lab.call('Plugin.Activate')).status).toBe(200)
  })
})

describe('requests that Docker does not make', () => {
  test.each([
    [
      'Create',
      '',
      'the request is empty. Try: Give the docker command again; what it asked for was lost when a connection broke',
    ],
    ['Mount', '  \n', /^the request is empty/],
    ['Unmount', '', /^the request is empty/],
    ['Remove', '', /^the request is empty/],
    ['Path', '', /^the request is empty/],
    ['Create', '{"Name":"v"', 'the request is not JSON'],
    ['Create', '["v"]', 'the request is JSON, but no object'],
    ['Mount', 'null', 'the request is JSON, but no object'],
    ['Create', '{}', /^the volume's name is missing, not text/],
    ['Create', '{"Name":7}', /^the volume's name is a number, not text/],
    ['Create', '{"Name":null}', /^the volume's name is null, not text/],
    ['Create', '{"Name":["v"]}', /^the volume's name is a list, not text/],
    ['Remove', '{"Name":""}', /^the volume's name is empty/],
    ['Mount', '{"Name":"../../etc","ID":"x"}', /^"\.\.\/\.\.\/etc" cannot name a volume: it has a slash/],
    ['Create', '{"Name":".."}', /^"\.\." cannot name a volume: it means a folder/],
    ['Create', '{"Name":"a\\\\b"}', /it has a slash/],
    ['Create', '{"Name":"a\\u0000b"}', /^"a\\u\{0\}b" cannot name a volume: it has control characters/],
    ['Create', '{"Name":"a\\nb"}', /it has control characters/],
    ['Create', `{"Name":"${'n'.repeat(513)}"}`, /^the volume's name has 513 characters, at most 512 fit/],
    ['Create', '{"Name":"v","Opts":"size=1G"}', "the volume's options are a string, not an object"],
    ['Create', '{"Name":"v","Opts":[1]}', "the volume's options are a list, not an object"],
    ['Create', '{"Name":"v","Opts":{"size":10}}', 'option "size" is a number, not text: write it in quotes'],
    [
      'Create',
      '{"Name":"v","Opts":{"a":"b","flash":true}}',
      'option "flash" is a boolean, not text: write it in quotes',
    ],
    ['Create', '{"Name":"v","Opts":{"__proto__":{}}}', 'option "__proto__" is an object, not text: write it in quotes'],
    ['Mount', '{"Name":"v","ID":7}', "the mount's ID is a number, not text"],
    ['Mount', '{"Name":"v","ID":"a/b"}', "the mount's ID has control characters or a slash"],
    ['Unmount', `{"Name":"v","ID":"${'i'.repeat(513)}"}`, "the mount's ID has 513 characters, at most 512 fit"],
  ])('%s, case %#', async (call, body, expected) => {
    const driver = recordingDriver()
    const lab = await startServerLab(driver)
    const wire = await lab.wire()
    wire.send(dockerdRequest(`VolumeDriver.${call}`, body))
    const answer = await wire.answer()
    expect(answer.status).toBe(500)
    if (typeof expected === 'string') expect(err(answer.body)).toBe(expected)
    else expect(err(answer.body)).toMatch(expected)
    expect(driver.asked).toEqual([])
    // The connection is as good as before.
    wire.send(dockerdRequest('VolumeDriver.List', '{}\n'))
    expect((await wire.answer()).status).toBe(200)
  })

  test.each(['', ' ', '{"Name":"v"', '[]', '"v"'])('Get with the body %j is not answered', async (body) => {
    const lab = await startServerLab(recordingDriver())
    const wire = await lab.wire()
    wire.send(dockerdRequest('VolumeDriver.Get', body))
    await expect(wire.answer()).rejects.toThrow('without an answer')
  })

  test.each([{}, { Name: '' }, { Name: '../x' }, { Name: 7 }, { Name: 'a\0' }, { Name: 'x'.repeat(10_000) }])(
    'Get of what is no name is "no such volume", case %#',
    async (body) => {
      const driver = recordingDriver()
      const lab = await startServerLab(driver)
      const answer = await lab.call('VolumeDriver.Get', body)
      expect(answer.status).toBe(500)
      expect(err(answer.body)).toMatch(/^there is no such volume: /)
      expect(driver.asked).toEqual([])
    },
  )

  test("names with options in them, and of other scripts, are the driver's business", async () => {
    const driver = recordingDriver()
    const lab = await startServerLab(driver)
    for (const Name of ['db,size=20G,fs=xfs', 'données', 'a b', 'x'.repeat(512)])
      expect(
        (await lab.call('VolumeDriver.Create', { Name, Unknown: 1, Opts: { ['__proto__']: 'x', a: 'b' } })).status,
      ).toBe(200)
    expect(driver.asked.map(([, given]) => (given as { name: string }).name)).toHaveLength(4)
    const [, { options }] = driver.asked[0] as [string, { options: Record<string, string> }]
    expect(Object.getPrototypeOf(options)).toBe(Object.prototype)
  })

  test('other methods and paths are told so', async () => {
    const lab = await startServerLab(recordingDriver())
    const wire = await lab.wire()
    for (const [line, status] of [
      ['GET /VolumeDriver.List', 405],
      ['POST /VolumeDriver.list', 404],
      ['POST /VolumeDriver.List?x=1', 404],
      ['POST /', 404],
      ['POST /__proto__', 404],
      ['POST /constructor', 404],
    ] as const) {
      wire.send(`${line} HTTP/1.1\r\nHost: \r\nContent-Length: 2\r\n\r\n{}`)
      const answer = await wire.answer()
      expect(answer.status, line).toBe(status)
      expect(JSON.parse(answer.body)).toEqual({ Err: expect.any(String) as string })
    }
  })

  test('what is no HTTP at all is told so, and the connection ends', async () => {
    const lab = await startServerLab(recordingDriver())
    const wire = await lab.wire()
    wire.send('\x16\x03\x01\x02\x00\x01\r\n\r\n')
    const answer = await wire.answer()
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual({ Err: expect.stringContaining('no HTTP request') as string })
    await wire.closed
  })

  test('garbage behind a call is not answered in the place of the call', async () => {
    const waiting = gate()
    const lab = await startServerLab(recordingDriver({ list: () => waiting.opened.then(() => []) }))
    const wire = await lab.wire()
    wire.send(`${dockerdRequest('VolumeDriver.List', '{}')}garbage\r\n\r\n`)
    await expect(wire.answer()).rejects.toThrow('without an answer')
    waiting.open()
  })

  test('a missing Host, a body in chunks, Expect and HTTP/1.0 are fine', async () => {
    const lab = await startServerLab(recordingDriver())
    for (const text of [
      'POST /VolumeDriver.Create HTTP/1.1\r\nContent-Length: 12\r\n\r\n{"Name":"v"}',
      'POST /VolumeDriver.Create HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"Name\r\n6\r\n":"v"}\r\n0\r\n\r\n',
      'POST /VolumeDriver.Create HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n{"Name":"v"}',
      'POST /VolumeDriver.Create HTTP/1.1\r\nExpect: wonders\r\nContent-Length: 12\r\n\r\n{"Name":"v"}',
      'POST /VolumeDriver.Create HTTP/1.0\r\nContent-Length: 12\r\n\r\n{"Name":"v"}',
    ]) {
      const wire = await lab.wire()
      wire.send(text)
      expect(await wire.answer()).toMatchObject({ status: 200, body: '{"Err":""}' })
    }
  })
})

test('each call is counted with its outcome', async () => {
  const lab = await startServerLab(
    recordingDriver({ mount: (_request, call) => call.step('attach', () => Promise.resolve({ mountPoint: '/m' })) }),
  )
  await lab.call('VolumeDriver.Mount', { Name: 'v', ID: id })
  await lab.call('VolumeDriver.Get', { Name: 'v' })
  await lab.call('VolumeDriver.Create', { Name: 7 })
  const text = await lab.metrics()
  expect(text).toContain('acs_plugin_call_duration_seconds_count{call="Mount",outcome="ok"} 1\n')
  expect(text).toContain('acs_plugin_call_duration_seconds_count{call="Get",outcome="not-found"} 1\n')
  expect(text).toContain('acs_plugin_call_duration_seconds_count{call="Create",outcome="error"} 1\n')
  expect(text).toContain('acs_plugin_step_duration_seconds_count{call="Mount",step="attach",result="ok"} 1\n')
})
