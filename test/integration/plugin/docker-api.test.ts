import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { dockerApi } from '../../../src/lib/plugin/docker-api.js'

const [web, job, old] = ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)]

/** As dockerd 20.10 answers, shortened. */
const containers = [
  {
    Id: web,
    Names: ['/proxy/backend', '/web'],
    State: 'running',
    Mounts: [
      { Type: 'volume', Name: 'db', Source: '', Destination: '/data', Driver: 'nutanix', Mode: 'z', RW: true },
      { Type: 'bind', Source: '/etc/web', Destination: '/db', Mode: '', RW: false },
    ],
  },
  { Id: job, Names: ['/job'], State: 'exited', Mounts: [{ Type: 'volume', Name: 'logs', Driver: 'nutanix:latest' }] },
  { Id: old, Names: null, State: 'created', Mounts: [{ Type: 'volume', Name: 'db', Driver: 'local' }] },
]

async function docker(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ api: ReturnType<typeof dockerApi>; socket: string; paths: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-docker-'))
  const socket = join(folder, 'd.sock')
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(decodeURIComponent(request.url ?? ''))
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { api: dockerApi(socket, 300), socket, paths }
}

const answers =
  (status: number, body: unknown) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

describe('what Docker is asked', () => {
  it.each([
    [{ Swarm: { LocalNodeState: 'active' }, Plugins: { Volume: ['local', 'nutanix'] } }, true, ['local', 'nutanix']],
    [{ Swarm: { LocalNodeState: 'inactive' }, Plugins: { Volume: ['local'] } }, false, ['local']],
    [{ Swarm: null, Plugins: { Volume: null } }, false, []],
  ])('is whether it is in a Swarm, and which drivers it has used', async (body, active, volumeDrivers) => {
    const { api, paths } = await docker(answers(200, body))
    expect(await api.swarmNode(deadlineIn(5_000))).toEqual({ active, volumeDrivers })
    expect(paths).toEqual(['/info'])
  })

  it('is who uses a volume, running or not', async () => {
    const { api, paths } = await docker(answers(200, containers))
    expect(await api.containersUsing('db', deadlineIn(5_000))).toEqual([
      { id: web, name: 'web', state: 'running' },
      { id: old, name: 'cccccccccccc', state: 'created' },
    ])
    expect(paths).toEqual(['/containers/json?all=1&filters={"volume":["db"]}'])
  })

  it('is asked with any name', async () => {
    const { api, paths } = await docker(answers(200, []))
    const name = 'db,size=20G&all=0#"}/../x'
    expect(await api.containersUsing(name, deadlineIn(5_000))).toEqual([])
    expect(paths).toEqual([`/containers/json?all=1&filters=${JSON.stringify({ volume: [name] })}`])
  })

  it('is what volumes of the driver there are, of a managed plugin too', async () => {
    const { api } = await docker(answers(200, containers))
    expect(await api.mountsOfDriver('nutanix', deadlineIn(5_000))).toEqual([
      { container: { id: web, name: 'web', state: 'running' }, volumeName: 'db', driver: 'nutanix' },
      { container: { id: job, name: 'job', state: 'exited' }, volumeName: 'logs', driver: 'nutanix:latest' },
    ])
  })

  it('is asked container by container where the list has no mounts, as with older Podmans', async () => {
    const listed = [web, job, old].map((id) => ({
      Id: id,
      Names: [`/c-${id[0] ?? ''}`],
      State: 'running',
      Mounts: null,
    }))
    const { api, paths } = await docker((request, response) => {
      if (request.url?.startsWith('/containers/json')) answers(200, listed)(request, response)
      // Gone since the list was made.
      else if (request.url?.includes(job)) answers(404, { message: 'No such container' })(request, response)
      else answers(200, { Mounts: [{ Type: 'volume', Name: 'db', Driver: 'nutanix' }] })(request, response)
    })
    const mounts = await api.mountsOfDriver('nutanix', deadlineIn(5_000))
    expect(mounts.map(({ container }) => container.name)).toEqual(['c-a', 'c-c'])
    expect(paths.slice(1)).toEqual([web, job, old].map((id) => `/containers/${id}/json`))
    expect(await api.containersUsing('db', deadlineIn(5_000))).toHaveLength(3)
  })

  it.each([
    ['docker', { Version: '20.10.24', ApiVersion: '1.41', Components: [{ Name: 'Engine' }] }],
    ['podman', { Version: '4.3.1', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] }],
    ['docker', { Version: '17.06', ApiVersion: '1.30' }],
  ])('is its version: %s', async (engine, body) => {
    const { api } = await docker(answers(200, body))
    const { Version: version, ApiVersion: apiVersion } = body
    expect(await api.version(deadlineIn(5_000))).toEqual({ version, apiVersion, engine })
  })
})

describe('a Docker that does not answer as it should', () => {
  it.each<[string, number, unknown, RegExp]>([
    ['an error of its own', 500, { message: 'driver failed' }, /answered 500 \{"message":"driver failed"\}/],
    ['no JSON', 200, '<html>', /something else than Docker/],
    ['no list', 200, { containers: [] }, /something else than Docker/],
    ['a list of something', 200, [{ name: 'web' }], /something else than Docker/],
  ])('%s', async (_what, status, body, words) => {
    const { api, socket } = await docker(answers(status, body))
    await expect(api.containersUsing('db', deadlineIn(5_000))).rejects.toMatchObject({
      code: 'EACSDOCKER',
      kind: 'failed',
      message: expect.stringMatching(words) as unknown,
    })
    await expect(api.mountsOfDriver('x', deadlineIn(5_000))).rejects.toThrow(`Docker at ${socket}`)
  })

  it('is given up after its time, and sooner where the caller has less', async () => {
    const { api } = await docker(() => undefined)
    const started = performance.now()
    await expect(api.version(deadlineIn(5_000))).rejects.toMatchObject({
      code: 'EACSDOCKERDOWN',
      message: expect.stringContaining('no answer within 0.3 s') as unknown,
    })
    expect(performance.now() - started).toBeLessThan(1_000)
    await expect(api.version(deadlineIn(50))).rejects.toMatchObject({ code: 'EACSTIMEOUT' })
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(), 30)
    await expect(api.version(deadlineIn(5_000, cancel.signal))).rejects.toMatchObject({ code: 'EACSINTERRUPTED' })
  })

  it('is given up in the middle of an answer too', async () => {
    const { api } = await docker((_request, response) => void response.write('['))
    await expect(api.containersUsing('db', deadlineIn(5_000))).rejects.toMatchObject({ code: 'EACSDOCKERDOWN' })
  })

  it('is not there', async () => {
    const nowhere = dockerApi('unix:///nonexistent/docker.sock')
    await expect(nowhere.version(deadlineIn(5_000))).rejects.toMatchObject({
      code: 'EACSDOCKERDOWN',
      kind: 'timeout',
      message: expect.stringMatching(/at \/nonexistent\/docker.sock: .*ENOENT/) as unknown,
    })
  })
})

describe('what a migration asks', () => {
  it('is all volumes, with their drivers', async () => {
    const Volumes = [
      {
        Name: 'pg',
        Driver: 'nutanix:latest',
        Mountpoint: '',
        CreatedAt: '0001-01-01T00:00:00Z',
        Labels: null,
        Scope: 'local',
      },
      { Name: 'cache', Driver: 'local' },
    ]
    const { api } = await docker(answers(200, { Volumes, Warnings: null }))
    expect(await api.volumes(deadlineIn(5_000))).toEqual([
      { name: 'pg', driver: 'nutanix:latest' },
      { name: 'cache', driver: 'local' },
    ])
    expect(await (await docker(answers(200, { Volumes: null }))).api.volumes(deadlineIn(5_000))).toEqual([])
  })

  it('is the managed plugins, never their secrets', async () => {
    const Env = ['PRISM_IP=192.0.2.1', 'PRISM_PASSWORD=s3cret=1', 'EMPTY_PASSWORD=', 'NAMEONLY']
    const plugin = { Id: '0', Name: 'nutanix:latest', Enabled: true, PluginReference: 'docker.io/ntnx/x:latest' }
    const { api } = await docker(answers(200, [{ ...plugin, Config: {}, Settings: { Args: [], Env, Mounts: [] } }]))
    expect(await api.plugins(deadlineIn(5_000))).toEqual([
      {
        name: 'nutanix:latest',
        enabled: true,
        image: 'docker.io/ntnx/x:latest',
        settings: { PRISM_IP: '192.0.2.1', PRISM_PASSWORD: '***', EMPTY_PASSWORD: '', NAMEONLY: '' },
      },
    ])
  })
})
