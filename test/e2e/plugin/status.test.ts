import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PluginStatus } from '../../../src/lib/plugin/status/schema.js'
import type { Activity } from '../../../src/lib/volume/activity.js'
import { canRunDocker, startDockerLab, type DockerLab } from './docker-lab.js'
import { until } from './until.js'

const exec = promisify(execFile)

type Status = PluginStatus & {
  ready: boolean
  problems: string[]
  driver: { volumes: { name: string; containers: string[] | null }[] }
}

describe.skipIf(!canRunDocker('what the plugin tells of itself'))('what the plugin tells of itself', () => {
  let lab: DockerLab
  beforeAll(async () => {
    lab = await startDockerLab({ config: 'linger: 30s' })
    await lab.ok('volume', 'create', '-d', lab.driver, '-o', 'size=128M', 'pg')
    const script = 'while dd if=/dev/zero of=/data/file bs=64k count=16 conv=fsync 2>/dev/null; do true; done'
    await lab.ok(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'postgres',
      '-v',
      'pg:/data',
      lab.image,
      'sh',
      '-c',
      script,
    )
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(() => lab.close())

  const status = async (): Promise<Status> => (await lab.cluster.json('plugin status')) as unknown as Status
  const top = async (): Promise<Activity> => (await lab.cluster.json('top --interval 2s')) as unknown as Activity

  it('is its volumes, with the containers that use them', async () => {
    await until('the disk is measured', 20_000, async () => (await status()).driver.volumes[0]?.usedBytes !== null)
    expect(await status()).toMatchObject({
      ready: true,
      name: lab.driver,
      driver: {
        prism: { state: 'reachable' },
        initiator: { kind: 'userspace' },
        sessions: 1,
        volumes: [
          {
            name: 'pg',
            state: 'mounted',
            device: expect.stringMatching(/^\/dev\/loop\d+$/) as string,
            filesystem: 'ext4',
            containers: ['postgres'],
            callers: [{}],
          },
        ],
      },
    })
  })

  it('has no secret in it', async () => {
    const { readFile } = await import('node:fs/promises')
    const password = (await readFile(lab.cluster.env.ACS_PASSWORD_FILE!, 'utf8')).trim()
    const told = [await lab.cluster.run('plugin status --json'), await lab.cluster.run('top --json')]
    expect(password).not.toBe('')
    for (const { stdout, stderr } of told) expect(stdout + stderr).not.toContain(password)
  })

  it('is what they read and write, with those mounted by hand', async () => {
    await lab.cluster.json('volume create hand --size 64M')
    await lab.cluster.json(`volume mount hand ${lab.cluster.place('hand')}`)
    const { volumes, plugin } = await top()
    await lab.cluster.json('volume unmount hand')
    expect(plugin).toMatchObject({ name: lab.driver, state: 'ready' })
    expect(volumes).toMatchObject([
      { name: 'hand', state: 'mounted', byPlugin: false, mountPoint: lab.cluster.place('hand'), session: 'up' },
      { name: 'pg', state: 'mounted', byPlugin: true, containers: ['postgres'], session: 'up' },
    ])
    const [hand, pg] = volumes
    expect(pg?.rates?.writtenBytesPerSecond).toBeGreaterThan(0)
    expect(pg?.rates?.latencyMs).toBeGreaterThan(0)
    // Its own rates and not the other's: nothing writes to it but the kernel, once in a while.
    expect(hand?.rates?.writtenBytesPerSecond).toBeLessThan(pg?.rates?.writtenBytesPerSecond ?? 0)
  })

  it('is there at once while the disk hangs', async () => {
    const { stdout } = await exec('pgrep', ['-f', `qemu-storage-daemon.*${lab.cluster.env.ACS_RUN_DIR ?? ''}`])
    const daemons = stdout.trim().split('\n').map(Number)
    for (const pid of daemons) process.kill(pid, 'SIGSTOP')
    try {
      // The writer waits for its disk by now, and whoever touched the filesystem would, too.
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      expect(await status()).toMatchObject({ ready: true, driver: { volumes: [{ name: 'pg', state: 'mounted' }] } })
      const { volumes } = await top()
      expect(volumes).toMatchObject([{ name: 'pg', rates: { writtenBytesPerSecond: 0 } }])
      expect(volumes[0]?.rates?.inFlight).toBeGreaterThan(0)
    } finally {
      for (const pid of daemons) process.kill(pid, 'SIGCONT')
    }
  })

  it('is that it died, and what it left, after kill -9; and all again after a start', async () => {
    await lab.stopPlugin('SIGKILL')
    const { exit, code, message, details } = await lab.cluster.failure('plugin status')
    expect({ exit, code }).toEqual({ exit: 3, code: 'EACSPLUGINDOWN' })
    expect(message).toContain('does not run, and did not end in order')
    expect(details).toMatchObject({ died: true, socket: { state: 'stale' }, volumes: [{ name: 'pg', mounts: 1 }] })
    const { plugin, volumes } = await top()
    expect(plugin).toBeNull()
    expect(volumes).toMatchObject([{ name: 'pg', state: 'mounted', byPlugin: false }])
    expect(volumes[0]?.rates?.writtenBytesPerSecond).toBeGreaterThan(0)

    await lab.startPlugin()
    await until('it is ready', 30_000, async () => (await lab.cluster.run('plugin status')).code === 0)
    expect(await status()).toMatchObject({ driver: { volumes: [{ name: 'pg', state: 'mounted', callers: [{}] }] } })
  })

  it('is how long a volume lingers', async () => {
    await lab.ok('rm', '-f', 'postgres')
    await until('it lingers', 20_000, async () => (await status()).driver.volumes[0]?.state === 'lingering')
    const [volume] = (await status()).driver.volumes
    expect(volume).toMatchObject({ callers: [], containers: [] })
    expect(Date.parse(volume?.lingersUntil ?? '') - Date.now()).toBeGreaterThan(0)
  })
})
