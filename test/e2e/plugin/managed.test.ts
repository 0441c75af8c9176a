import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { managedPlugins } from '../../../src/lib/doctor/managed-plugin.js'
import type { Running } from '../../integration/cli/acs.js'
import { oldPluginCalls } from '../../integration/plugin/old-plugin.js'
import { canRunDocker } from './docker-lab.js'
import { startManagedLab, type ManagedLab } from './managed-lab.js'
import { until } from './until.js'

const exec = promisify(execFile)

describe.skipIf(!canRunDocker('managed plugin'))('managed plugin', () => {
  let lab: ManagedLab
  let password: string
  beforeAll(async () => {
    lab = await startManagedLab()
    password = (await readFile(lab.cluster.env.ACS_PASSWORD_FILE!, 'utf8')).trim()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(() => lab.close())

  const run = (...args: string[]): Promise<string> => lab.ok('run', '--network', 'none', '--rm', ...args)
  const start = (volume: string, script: string, ...options: string[]): Promise<string> =>
    lab.ok('run', '-d', '--network', 'none', ...options, '-v', `${volume}:/data`, 'box', 'sh', '-c', script)
  const enable = (): Promise<string> => lab.ok('plugin', 'enable', '--timeout', '0', lab.name)
  const volume = (name: string): Promise<string> => lab.ok('volume', 'create', '-d', lab.name, '-o', 'size=128M', name)

  it('is made, set, and listens well within the time that Docker gives it', async () => {
    await lab.install()
    const startedAt = performance.now()
    await enable()
    // Docker dials after 0.5, 3.5, 6.5 and 9.5 s.
    expect(performance.now() - startedAt).toBeLessThan(9_500)
    expect(await lab.ok('plugin', 'ls', '--format', '{{.Name}} {{.Enabled}}')).toBe(`${lab.name}:latest true`)
  })

  it('tells the host how it is, and the doctor finds it', async () => {
    await until('it is ready', 30_000, async () => (await lab.cluster.run('plugin status')).code === 0)
    const status = await lab.cluster.json('plugin status')
    // Docker does not tell a plugin the name it has.
    expect(status).toMatchObject({ ready: true, name: 'nutanix', runs: 'managed-plugin', pid: await lab.pluginPid() })
    expect(await managedPlugins({ dockerSocket: join(lab.folder, 'docker.sock') }, deadlineIn(10_000))).toEqual([
      { name: `${lab.name}:latest`, enabled: true },
    ])
  })

  it('makes a volume that one container writes and another reads', async () => {
    await volume('pg')
    await run('-v', 'pg:/data', 'box', 'sh', '-c', 'echo kept > /data/file')
    expect(await run('-v', 'pg:/data', 'box', 'cat', '/data/file')).toBe('kept')
    expect(await lab.settled()).toEqual([])
  })

  it('shows no secret to who may inspect it', async () => {
    expect(password).not.toBe('')
    expect(await lab.ok('plugin', 'inspect', lab.name)).not.toContain(password)
    expect(lab.logs()).not.toContain(password)
  })

  it('is upgraded without a registry while a container writes to its volume', async () => {
    await volume('kept')
    const writer = await start('kept', 'i=0; while sync -d /data; do i=$((i+1)); echo $i >> /data/log; done')
    const written = async (): Promise<string[]> =>
      (await lab.ok('exec', writer, 'cat', '/data/log')).split('\n').filter((line) => line !== '')
    const [before] = await storageDaemons(lab)
    expect(before).toBeDefined()

    await lab.ok('plugin', 'disable', '-f', lab.name)
    const atDisable = (await written()).length
    await lab.ok('plugin', 'rm', '-f', lab.name)
    await lab.install()
    await enable()

    await until('the container writes on', 10_000, async () => (await written()).length > atDisable)
    expect(await storageDaemons(lab)).toEqual([before])
    // The new plugin takes the volume for what it is: mounted once, in use by that container.
    expect(await run('-v', 'kept:/data', 'box', 'sh', '-c', 'touch /data/beside; ls /data')).toBe('beside\nlog')
    expect(await lab.docker('volume', 'rm', 'kept')).toMatchObject({ code: 1 })
    await lab.ok('rm', '-f', writer)
    const lines = (await run('-v', 'kept:/data', 'box', 'cat', '/data/log')).split('\n')
    expect(lines).toEqual(lines.map((_line, index) => String(index + 1)))
    expect(lines.length).toBeGreaterThanOrEqual(atDisable)
    expect(await lab.settled()).toEqual([])
  })

  it('is back at once when it is killed, with its volumes', async () => {
    const user = await start('pg', 'sleep 600')
    const pid = await lab.pluginPid()
    process.kill(pid, 'SIGKILL')
    await until('dockerd starts it again', 30_000, async () => (await lab.pluginPid().catch(() => pid)) !== pid)
    await until('it answers', 30_000, async () => (await lab.docker('volume', 'inspect', 'pg')).code === 0)
    await lab.ok('exec', user, 'sh', '-c', 'echo more >> /data/file')
    expect(await run('-v', 'pg:/data', 'box', 'cat', '/data/file')).toBe('kept\nmore')
    await lab.ok('rm', '-f', user)
    expect(await lab.settled()).toEqual([])
  })

  it.each(['SIGTERM', 'SIGKILL'] as const)('outlives dockerd, ended by %s', async (signal) => {
    const user = await start('pg', 'echo up >> /data/file; sleep 600', '--restart', 'always')
    await lab.stopDaemon(signal)
    await lab.startDaemon()
    await until('its container runs again', 60_000, async () => (await lab.ok('ps', '-q', '--no-trunc')) === user)
    expect(await lab.ok('exec', user, 'sh', '-c', 'cat /data/file')).toContain('up')
    await lab.ok('rm', '-f', user)
    expect(await lab.settled()).toEqual([])
  })

  it("takes up a group of the old plugin's with the data that is on it", async () => {
    const { cluster } = lab
    await (await oldPluginCalls(cluster)).create('oldest', 128)
    // What the old plugin did at its first mount.
    const device = (await cluster.run('volume attach oldest', { ACS_INITIATOR: 'userspace' })).stdout.trim()
    const place = cluster.place('oldest')
    await mkdir(place, { recursive: true })
    await exec('mkfs.ext4', ['-q', device])
    await exec('mount', [device, place])
    await writeFile(join(place, 'data'), 'from 2018')
    await exec('umount', [place])
    await cluster.json('volume detach oldest')
    await lab.ok('volume', 'create', '-d', lab.name, 'oldest')
    expect(await run('-v', 'oldest:/data', 'box', 'cat', '/data/data')).toBe('from 2018')
    expect(await lab.settled()).toEqual([])
  })

  it('takes the settings of the old plugin, its password only with a warning', async () => {
    const { ACS_ENDPOINT: endpoint = '', ACS_DATA_SERVICES: portal = '', ACS_USERNAME: user = '' } = lab.cluster.env
    await lab.ok('plugin', 'disable', '-f', lab.name)
    await lab.ok('plugin', 'rm', '-f', lab.name)
    const gone = ['ACS_ENDPOINT', 'ACS_DATA_SERVICES', 'ACS_USERNAME', 'ACS_PASSWORD_FILE']
    await lab.install({
      ...Object.fromEntries(gone.map((name) => [name, ''])),
      PRISM_IP: endpoint.replace('https://', ''),
      DATASERVICES_IP: portal,
      PRISM_USERNAME: user,
      PRISM_PASSWORD: password,
    })
    expect(lab.logs()).not.toContain('WARNING: PRISM_PASSWORD')
    await enable()
    expect(await run('-v', 'pg:/data', 'box', 'cat', '/data/file')).toContain('kept')
    expect(lab.logs()).toContain('WARNING: PRISM_PASSWORD')
    expect(lab.logs()).not.toContain(password)
    expect(await lab.settled()).toEqual([])
  })

  it('leaves nothing behind', async () => {
    await lab.ok('plugin', 'disable', '-f', lab.name)
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '')
    expect(mounts.filter((path) => path.startsWith(join(lab.folder, 'mnt/')) || path.includes('propagated'))).toEqual(
      [],
    )
    expect(await storageDaemons(lab)).toEqual([])
  })

  describe('in whose place the service comes, as in that of the old plugin', () => {
    let service: Running
    let kept: string
    const alias = (): string => `/run/docker/plugins/${lab.name}:latest.sock`

    beforeAll(async () => {
      await enable()
      await lab.ok('volume', 'create', '-d', lab.name, '-o', 'size=64M', '--label', 'kept=yes', 'moved')
      kept = await start('moved', 'echo started >> /data/log; sleep 600')
      await lab.ok('stop', '--time', '0', kept)
      expect(await lab.settled()).toEqual([])
      await lab.ok('plugin', 'disable', '-f', lab.name)
      await lab.ok('plugin', 'rm', '-f', lab.name)
      const config = join(lab.folder, 'service.yaml')
      await writeFile(config, (await readFile(lab.configFile, 'utf8')) + `mountFolder: ${lab.folder}/service\n`)
      service = lab.cluster.start(`plugin serve --name ${lab.name} --config ${config}`)
      await until('it listens under both names', 10_000, () => Promise.resolve(existsSync(alias())))
    })
    afterAll(async () => {
      service.process.kill('SIGTERM')
      await service.ended
      expect(existsSync(alias())).toBe(false)
    })

    it('starts its containers, which ask for the driver with a tag', async () => {
      expect(await lab.ok('inspect', '-f', '{{(index .Mounts 0).Driver}}', kept)).toBe(`${lab.name}:latest`)
      await lab.ok('start', kept)
      expect(await lab.ok('exec', kept, 'cat', '/data/log')).toBe('started\nstarted')
    })

    it('keeps what Docker knows of its volumes over a restart of dockerd', async () => {
      await lab.ok('stop', '--time', '0', kept)
      await lab.stopDaemon('SIGTERM')
      await lab.startDaemon()
      const [volume] = JSON.parse(await lab.ok('volume', 'inspect', 'moved')) as Record<string, unknown>[]
      expect(volume).toMatchObject({ Driver: `${lab.name}:latest`, Labels: { kept: 'yes' }, Options: { size: '64M' } })
      // Both of the driver's names list it; dockerd shows it once, and says so in its log.
      expect((await lab.ok('volume', 'ls', '-q', '--filter', 'name=moved')).split('\n')).toEqual(['moved'])
      await lab.ok('start', kept)
      expect(await lab.ok('exec', kept, 'cat', '/data/log')).toBe('started\nstarted\nstarted')
    })

    it('makes new volumes under the name without a tag, and removes old and new', async () => {
      await volume('new')
      await run('-v', 'new:/data', '-v', 'moved:/old', 'box', 'sh', '-c', 'cat /old/log > /data/log')
      await lab.ok('rm', '-f', kept)
      await lab.ok('volume', 'rm', 'moved', 'new')
      expect(await lab.settled()).toEqual([])
      const names = (await lab.cluster.prism.volumeGroups()).map(({ name }) => name)
      expect(names.filter((name) => name === 'moved' || name === 'new')).toEqual([])
    })
  })
})

/** Pids of the userspace initiator's daemons of this lab. */
async function storageDaemons(lab: ManagedLab): Promise<number[]> {
  const pattern = `qemu-storage-daemon.*${lab.cluster.env.ACS_RUN_DIR ?? ''}`
  const found = await exec('pgrep', ['--full', pattern]).catch(() => ({ stdout: '' }))
  return found.stdout.trim().split('\n').filter(Boolean).map(Number)
}
