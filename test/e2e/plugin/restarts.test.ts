import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JournalStep } from '../../../src/lib/volume/journal.js'
import { canRunDocker, startDockerLab, type DockerLab } from './docker-lab.js'
import { until } from './until.js'

/** Steps of a volume's first mount, of a later one, and of the detach that follows the last unmount. */
const firstMount: JournalStep[] = [
  'claim',
  'attach-disk',
  'start-format',
  'make-filesystem',
  'finish-format',
  'mount',
  'set-owner',
]
const laterMount: JournalStep[] = ['claim', 'attach-disk', 'check-filesystem', 'mount']
const detach: JournalStep[] = ['unmount', 'detach-disk', 'release']
const points = (steps: JournalStep[]): string[] => steps.flatMap((step) => [`${step}:before`, `${step}:after`])

describe.skipIf(!canRunDocker('plugin and daemon restarts'))('whatever dies', () => {
  let lab: DockerLab
  let volumes = 0
  beforeAll(async () => {
    lab = await startDockerLab()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(() => lab.close())

  const newVolume = async (): Promise<string> => {
    volumes += 1
    const name = `v${volumes}`
    await lab.ok('volume', 'create', '-d', lab.driver, '-o', 'size=64M', '--label', 'kept=yes', name)
    return name
  }
  const once = (name: string, script: string) =>
    lab.docker('run', '--rm', '--network', 'none', '-v', `${name}:/data`, lab.image, 'sh', '-c', script)
  const start = (name: string, ...more: string[]): Promise<string> => {
    const script = 'echo started >> /data/log; sleep 1000'
    return lab.ok('run', '-d', '--network', 'none', ...more, '-v', `${name}:/data`, lab.image, 'sh', '-c', script)
  }
  const running = async (id: string): Promise<boolean> =>
    (await lab.docker('inspect', '-f', '{{.State.Running}}', id)).stdout.trim() === 'true'

  /** Crashes the plugin at a point while Docker uses a volume, and starts it again at once, as systemd does. */
  async function crashAt(point: string, work: () => Promise<unknown>): Promise<void> {
    await lab.stopPlugin('SIGTERM')
    await lab.startPlugin({ ACS_TEST_CRASH: '1', ACS_CRASH_AT: point })
    const working = work()
    const { code } = await lab.plugin().ended
    expect(code).toBeNull()
    await lab.startPlugin()
    await working
  }

  it.each(points(firstMount))('the plugin at %s of a first mount', async (point) => {
    const name = await newVolume()
    await crashAt(point, () => once(name, 'true'))
    expect(await once(name, 'echo whole > /data/file')).toMatchObject({ code: 0 })
    expect((await once(name, 'cat /data/file')).stdout).toBe('whole\n')
    expect(await lab.settled()).toEqual([])
  })

  it.each(points(laterMount))('the plugin at %s of a later mount', async (point) => {
    const name = await newVolume()
    expect(await once(name, 'echo whole > /data/file')).toMatchObject({ code: 0 })
    expect(await lab.settled()).toEqual([])
    await crashAt(point, () => once(name, 'true'))
    expect((await once(name, 'cat /data/file')).stdout).toBe('whole\n')
    expect(await lab.settled()).toEqual([])
  })

  it.each(points(detach))('the plugin at %s after an unmount', async (point) => {
    const name = await newVolume()
    await crashAt(point, () => once(name, 'echo whole > /data/file'))
    expect(await lab.settled()).toEqual([])
    expect((await once(name, 'cat /data/file')).stdout).toBe('whole\n')
    expect(await lab.settled()).toEqual([])
  })

  it('the plugin, with a container running: it goes on, and its end is noticed', async () => {
    const name = await newVolume()
    const id = await start(name)
    await lab.stopPlugin('SIGKILL')
    await lab.startPlugin()
    await lab.ok('exec', id, 'sh', '-c', 'echo more >> /data/log; sync')
    await lab.ok('rm', '-f', id)
    expect((await once(name, 'cat /data/log')).stdout).toBe('started\nmore\n')
    expect(await lab.settled()).toEqual([])
  })

  it('the plugin, while its container is being stopped: the unmount that was lost is made up for', async () => {
    const name = await newVolume()
    const id = await start(name)
    await lab.stopPlugin('SIGKILL')
    // Docker tries for 15 s, and gives up.
    await lab.ok('kill', id)
    await lab.ok('rm', id)
    await lab.startPlugin()
    expect((await once(name, 'cat /data/log')).stdout).toBe('started\n')
    await until('the lost unmount is made up for', 200_000, async () => (await lab.cluster.leftovers()).length === 0)
  }, 400_000)

  it('dockerd: its containers start again on the same data', async () => {
    const name = await newVolume()
    const id = await start(name, '--restart', 'always')
    await lab.stopDaemon('SIGKILL')
    await lab.startDaemon()
    await until('the container runs again', 30_000, () => running(id))
    expect((await lab.ok('exec', id, 'cat', '/data/log')).split('\n')).toEqual(['started', 'started'])
    await lab.ok('rm', '-f', id)
    expect(await lab.settled()).toEqual([])
  })

  it('both at once', async () => {
    const name = await newVolume()
    const id = await start(name, '--restart', 'always')
    await Promise.all([lab.stopDaemon('SIGKILL'), lab.stopPlugin('SIGKILL')])
    await lab.startPlugin()
    await lab.startDaemon()
    await until('the container runs again', 30_000, () => running(id))
    expect((await lab.ok('exec', id, 'cat', '/data/log')).split('\n')).toEqual(['started', 'started'])
    await lab.ok('rm', '-f', id)
    expect(await lab.settled()).toEqual([])
  })

  it('Prism, for two minutes from before dockerd starts: containers start and nothing is forgotten', async () => {
    const [used, idle] = [await newVolume(), await newVolume()]
    const id = await start(used, '--restart', 'always')
    await lab.stopDaemon('SIGKILL')
    await lab.stopPlugin('SIGKILL')
    const downSince = Date.now()
    lab.cluster.simulator.addFault({ kind: 'drop', match: '* *', count: null })
    await lab.startPlugin()
    await lab.startDaemon()
    await until('the container runs without Prism', 30_000, () => running(id))
    for (const name of [used, idle]) {
      const [volume] = JSON.parse(await lab.ok('volume', 'inspect', name)) as Record<string, unknown>[]
      expect(volume).toMatchObject({ Labels: { kept: 'yes' }, Options: { size: '64M' } })
    }
    // A name that nobody knows cannot be denied, and nothing is made of it.
    expect((await lab.docker('volume', 'inspect', 'unheard-of')).code).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 120_000 - (Date.now() - downSince))))
    expect(await running(id)).toBe(true)
    lab.cluster.simulator.clearFaults()
    expect((await lab.ok('exec', id, 'cat', '/data/log')).split('\n')).toEqual(['started', 'started'])
    await lab.ok('rm', '-f', id)
    expect((await once(idle, 'echo yes > /data/file')).code).toBe(0)
    expect(await lab.settled()).toEqual([])
  }, 400_000)
})
