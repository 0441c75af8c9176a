import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canRunDocker, startDockerLab, type DockerLab } from './docker-lab.js'
import { until } from './until.js'

/** Every life of the task leaves a line. */
const script = 'echo started >> /data/log; sync -d /data; sleep 1000'

describe.skipIf(!canRunDocker('Swarm', ['ip', 'unshare']))('a Swarm service with a volume', () => {
  let lab: DockerLab
  beforeAll(async () => {
    lab = await startDockerLab({ ownNetwork: true })
    await lab.ok('swarm', 'init', '--advertise-addr', '127.0.0.1')
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(async () => {
    await lab.docker('swarm', 'leave', '--force')
    await lab.close()
  })

  const containers = async (...which: string[]): Promise<string[]> =>
    (await lab.ok('ps', '-q', '--no-trunc', '--filter', 'label=com.docker.swarm.service.name=web', ...which))
      .split('\n')
      .filter(Boolean)
  /** Its task runs in a container that is none of `before`, and there is no other. */
  async function rescheduled(...before: string[]): Promise<string> {
    let now: string[] = []
    await until('the task runs anew', 90_000, async () => {
      now = await containers()
      return now.length === 1 && !before.includes(now[0]!)
    })
    return now[0]!
  }
  const log = async (container: string): Promise<string[]> =>
    (await lab.ok('exec', container, 'cat', '/data/log')).split('\n')
  const starts = (count: number): string[] => Array.from({ length: count }, () => 'started')
  const writers = async (): Promise<number> =>
    (await lab.cluster.prism.volumeGroups()).find(({ name }) => name === 'web-data')?.attachments.length ?? 0

  it('runs on a node that never had such a volume', async () => {
    const mount = `type=volume,source=web-data,target=/data,volume-driver=${lab.driver},volume-opt=size=64M,volume-label=team=shop`
    await lab.ok(
      ...['service', 'create', '--detach', '--name', 'web', '--network', 'host', '--restart-delay', '100ms'],
      ...['--stop-grace-period', '1s', '--no-resolve-image', '--mount', mount, lab.image, 'sh', '-c', script],
    )
    // Docker has to learn of the driver first (30 s), and to tell Swarm (20 s).
    const container = await rescheduled()
    expect(await log(container)).toEqual(starts(1))
    const [volume] = JSON.parse(await lab.ok('volume', 'inspect', 'web-data')) as Record<string, unknown>[]
    expect(volume).toMatchObject({ Driver: lab.driver, Scope: 'global', Labels: { team: 'shop' } })
    expect(volume).toMatchObject({ Options: { size: '64M' }, Status: { size: '64 MiB', mounts: 1 } })
    expect(await writers()).toBe(1)
  })

  it('has its data when its container is killed', async () => {
    const [before = ''] = await containers()
    await lab.ok('kill', before)
    expect(await log(await rescheduled(before))).toEqual(starts(2))
    expect(await writers()).toBe(1)
  })

  it.each(['stop-first', 'start-first'])('has its data when it is updated, %s', async (order) => {
    const [before = ''] = await containers()
    const seen = (await log(before)).length
    await lab.ok('service', 'update', '--force', '--update-order', order, '--detach', 'web')
    expect(await log(await rescheduled(before))).toEqual(starts(seen + 1))
    expect(await writers()).toBe(1)
  })

  it('lets go of its volume at scale 0, and has its data at scale 1', async () => {
    const [before = ''] = await containers()
    const seen = (await log(before)).length
    await lab.ok('service', 'scale', '--detach', 'web=0')
    expect(await lab.settled()).toEqual([])
    expect(await writers()).toBe(0)
    await lab.ok('service', 'scale', '--detach', 'web=1')
    expect(await log(await rescheduled(before))).toEqual(starts(seen + 1))
  })

  it('lets go of its volume when the node is drained', async () => {
    const [before = ''] = await containers()
    const seen = (await log(before)).length
    const node = await lab.ok('info', '--format', '{{.Swarm.NodeID}}')
    await lab.ok('node', 'update', '--availability', 'drain', node)
    expect(await lab.settled()).toEqual([])
    await lab.ok('node', 'update', '--availability', 'active', node)
    expect(await log(await rescheduled(before))).toEqual(starts(seen + 1))
  })

  it('leaves the volume with its data, and nothing else', async () => {
    await lab.ok('service', 'rm', 'web')
    // Swarm removes the containers of earlier tasks too, some time later; once it has left, nobody does.
    await until('its containers are gone', 60_000, async () => (await containers('--all')).length === 0)
    await lab.ok('swarm', 'leave', '--force')
    expect(await lab.settled()).toEqual([])
    const lines = await lab.ok(
      'run',
      '--rm',
      '--network',
      'none',
      '-v',
      'web-data:/data',
      lab.image,
      'cat',
      '/data/log',
    )
    expect(new Set(lines.split('\n'))).toEqual(new Set(['started']))
    await lab.ok('volume', 'rm', 'web-data')
    expect(await lab.settled()).toEqual([])
  })
})
