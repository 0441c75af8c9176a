import { mkdir, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { askLocal } from '../../../src/lib/base/local-http.js'
import { readStatus } from '../../../src/lib/plugin/status/client.js'
import type { PluginStatus } from '../../../src/lib/plugin/status/schema.js'
import { quietDriver, volumeStatus } from '../../unit/plugin/driver-statuses.js'
import { acs, type Outcome } from '../cli/acs.js'
import { call, socketPath, startServe, type Running } from './serve-lab.js'
import type { ServeProcessOptions } from './serve-process.js'
import { temporaryFolder } from './server-lab.js'

interface Served {
  plugin: Running
  socket: string
  runtimeFolder: string
  /** Its status socket. */
  path: string
  status: () => Promise<PluginStatus | undefined>
  acs: (...args: string[]) => Promise<Outcome>
}

/** A plugin, in memory but for its process and sockets, and acs as root of its machine has it. */
async function served(options: ServeProcessOptions = {}): Promise<Served> {
  const runtimeFolder = join(await temporaryFolder(), 'run')
  const socket = await socketPath()
  const plugin = await startServe({ socket, runtimeFolder, ...options })
  await plugin.says(`listening ${socket}`)
  const path = join(runtimeFolder, `plugin-${options.name ?? 'lab'}.sock`)
  const status = (): Promise<PluginStatus | undefined> => readStatus(path, deadlineIn(5_000))
  await eventually(status).toBeDefined()
  const env = { ACS_RUN_DIR: runtimeFolder, ACS_STATE_DIR: join(runtimeFolder, '..', 'state') }
  return { plugin, socket, runtimeFolder, path, status, acs: (...args) => acs(args, env) }
}

/** This machine may be busy. */
const eventually = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: 30_000, interval: 50 })

const stateOf = (lab: Served) => (): Promise<string | undefined> => lab.status().then((status) => status?.state)

describe('a running plugin', () => {
  test('tells of itself, to root only, from the start to the end', async () => {
    const lab = await served({ makingMs: 1_000, createMs: 1_500 })
    expect((await stat(lab.path)).mode & 0o777).toBe(0o600)
    expect(await lab.status()).toMatchObject({
      v: 1,
      name: 'lab',
      version: '1.2.3',
      pid: lab.plugin.child.pid,
      socket: lab.socket,
      runs: 'process',
      state: 'starting',
      driver: null,
    })
    await eventually(stateOf(lab)).toBe('ready')
    expect((await lab.status())?.driver).toEqual(quietDriver)
    const creating = call(lab.socket, 'VolumeDriver.Create', { Name: 'x' })
    await eventually(() => lab.status().then((status) => status?.calls)).toMatchObject([
      { call: 'Create', volume: 'x', step: null },
    ])
    lab.plugin.child.kill('SIGTERM')
    // While it finishes its work it can still be asked.
    await eventually(stateOf(lab)).toBe('stopping')
    expect((await creating).status).toBe(200)
    expect(await lab.plugin.ended).toBe(0)
    await expect(stat(lab.path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('counts its calls, and keeps the last failure', async () => {
    const lab = await served()
    await call(lab.socket, 'VolumeDriver.List', {})
    await call(lab.socket, 'VolumeDriver.Get', { Name: 'nope' })
    await call(lab.socket, 'VolumeDriver.Create', { Name: 'a/b' })
    expect(await lab.status()).toMatchObject({
      counts: { calls: 3, failed: 1, byOutcome: { ok: 1, 'not-found': 1, error: 1 } },
      lastFailure: { call: 'Create', code: 'EACSNAME', message: expect.stringContaining('slash') as string },
      calls: [],
    })
  })

  test('shows its metrics beside, and takes nothing', async () => {
    const { path } = await served()
    const get = (page: string) => askLocal(path, { path: page }, deadlineIn(5_000))
    expect((await get('/metrics')).text).toContain('acs_plugin_calls_in_progress 0')
    expect(await get('/nope')).toEqual({ status: 404, text: 'GET /status\nGET /metrics\n' })
    expect((await get('/__proto__')).status).toBe(404)
  })

  test('leaves a status socket that somebody else has, and serves volumes all the same', async () => {
    const first = await served()
    const socket = await socketPath()
    const second = await startServe({ socket, runtimeFolder: first.runtimeFolder })
    await eventually(() => second.log().find(({ level }) => level === 'warn')?.msg).toBe(
      'acs plugin status will not find this plugin',
    )
    expect((await call(socket, 'VolumeDriver.Get', { Name: 'db' })).status).toBe(200)
    second.child.kill('SIGTERM')
    expect(await second.ended).toBe(0)
    expect((await first.status())?.pid).toBe(first.plugin.child.pid)
  })
})

describe('acs plugin status', () => {
  test('of a plugin that is ready: 0, its health first, then its volumes', async () => {
    const lab = await served({
      status: {
        cache: { ...quietDriver.cache, refreshedAt: new Date().toISOString() },
        volumes: [volumeStatus(), volumeStatus({ name: 'logs', state: 'lingering', callers: [] })],
      },
    })
    await eventually(stateOf(lab)).toBe('ready')
    const plain = await lab.acs('plugin', 'status')
    expect(plain).toMatchObject({ code: 0, stderr: '' })
    const [first, ...rest] = plain.stdout.split('\n')
    expect(first).toMatch(/^lab is ready: acs 1\.2\.3, process, pid \d+, for /)
    expect(rest.filter((line) => /^(NAME|db|logs) /.test(line))).toEqual([
      'NAME  CONTAINERS  STATE      MOUNTS   SIZE     USED  FILESYSTEM  DEVICE    MOUNT POINT',
      'db    -           mounted         1  1 GiB  512 MiB  ext4        /dev/sdb  /mnt/acs/db',
      'logs  -           lingering       0  1 GiB  512 MiB  ext4        /dev/sdb  /mnt/acs/db',
    ])
    const { result, warnings } = JSON.parse((await lab.acs('plugin', 'status', '--json')).stdout) as {
      result: Record<string, unknown>
      warnings: string[]
    }
    expect(result).toMatchObject({
      ready: true,
      problems: [],
      name: 'lab',
      state: 'ready',
      driver: { cache: { volumes: 0 } },
    })
    expect(warnings).toEqual([])
    expect((await lab.acs('plugin', 'status', '-o', 'name')).stdout).toBe('lab\n')
    expect((await lab.acs('plugin', 'status', '-o', 'yaml')).stdout).toMatch(/^result:\n {2}ready: true\n/)
  })

  test('of one with troubles: 0, each with what to do', async () => {
    const lastError = { at: '2026-01-02T03:04:05Z', code: 'EACSUNREACHABLE', message: 'Prism at x cannot be reached' }
    const lab = await served({
      status: {
        prism: { ...quietDriver.prism, state: 'unreachable', lastError },
        volumes: [volumeStatus({ state: 'lost' })],
      },
    })
    await eventually(stateOf(lab)).toBe('ready')
    const { code, stderr } = await lab.acs('plugin', 'status')
    expect(code).toBe(0)
    expect(stderr).toMatch(/^Warning: db was lost, and 1 mount of containers still have it: docker ps/)
    expect(stderr).toContain('Warning: the cluster does not answer: Prism at x cannot be reached (EACSUNREACHABLE)')
  })

  test('of one that starts: 1, and it says so', async () => {
    const lab = await served({ makingMs: 60_000 })
    const { code, stdout, stderr } = await lab.acs('plugin', 'status')
    expect(code).toBe(1)
    expect(stdout).toMatch(/^lab is starting: /)
    expect(stderr).toMatch(/^Warning: it is starting: /)
    const json = await lab.acs('plugin', 'status', '--json')
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({ result: { ready: false, state: 'starting', driver: null } })
  })

  test('of none: 3, and the next command', async () => {
    const folder = await temporaryFolder()
    const env = { ACS_RUN_DIR: folder, ACS_STATE_DIR: folder }
    const { code, stdout, stderr } = await acs(['plugin', 'status', '--name', 'other'], env)
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain('Error (EACSPLUGINDOWN): the volume plugin "other" does not run; it is not installed')
    expect(stderr).toContain('acs plugin install --name other')
    const json = await acs(['plugin', 'status', '--name', 'other', '--json'], env)
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: {
        code: 'EACSPLUGINDOWN',
        exitCode: 3,
        details: { name: 'other', socket: { path: '/run/docker/plugins/other.sock', state: 'absent' }, died: false },
      },
    })
  })

  test('of one that was killed: 3, that it died, and what it left here', async () => {
    const lab = await served()
    lab.plugin.child.kill('SIGKILL')
    await lab.plugin.ended
    const references = join(lab.runtimeFolder, '..', 'state', 'references')
    await mkdir(references, { recursive: true })
    const uuid = '11111111-2222-3333-4444-555555555555'
    await writeFile(
      join(references, `${uuid}.json`),
      JSON.stringify({
        v: 1,
        uuid,
        name: 'db',
        target: 't',
        mountPoint: '/m',
        bootId: 'b',
        ids: [{ id: 'x', at: 'y' }],
      }),
    )
    const { code, stderr } = await lab.acs('plugin', 'status')
    expect(code).toBe(3)
    expect(stderr).toContain('"lab" does not run, and did not end in order')
    expect(stderr).toContain('1 volume of it is still here, and containers that use it go on')
    expect(stderr).toContain('acs top')
  })

  test('finds the only one there is, and the one that is asked for', async () => {
    const lab = await served({ name: 'mine' })
    expect(JSON.parse((await lab.acs('plugin', 'status', '--json')).stdout)).toMatchObject({ result: { name: 'mine' } })
    const other = await lab.acs('plugin', 'status', '--name', 'nutanix')
    expect(other.code).toBe(3)
    expect(other.stderr).toContain('"nutanix" does not run; "mine" does')
    expect(other.stderr).toContain('acs plugin status --name mine')
  })

  test('of one that is stuck, or is something else: says so', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'plugin-nutanix.sock')
    let answers = false
    const server = createServer((_request, response) => {
      if (answers) response.end('{"v":2}')
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const status = () => acs(['plugin', 'status'], { ACS_RUN_DIR: folder, ACS_STATE_DIR: folder })
    const stuck = await status()
    expect(stuck.code).toBe(6)
    expect(stuck.stderr).toContain('does not say how it is')
    answers = true
    const stranger = await status()
    expect(stranger.code).toBe(1)
    expect(stranger.stderr).toContain('EACSPLUGINSTATUS')
  })

  test.each(['../x', 'a/b', 'A'])('makes no path of the name %j', async (name) => {
    const { code, stderr } = await acs(['plugin', 'status', '--name', name])
    expect(code).toBe(2)
    expect(stderr).toContain('EACSNAME')
  })
})
