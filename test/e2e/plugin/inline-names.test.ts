import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canRunDocker, startDockerLab, type DockerLab } from './docker-lab.js'
import { until } from './until.js'

const spelled = 'db,size=320M,fs=xfs'

/** To dockerd, all of `db,size=320M,fs=xfs` is a volume's name. */
describe.skipIf(!canRunDocker('names with options', ['mkfs.xfs']))('a name with options in it, to dockerd', () => {
  let lab: DockerLab
  let user: string
  beforeAll(async () => {
    lab = await startDockerLab()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(() => lab.close())

  const listed = async (...filters: string[]): Promise<string[]> => {
    const all = ['driver=' + lab.driver, ...filters].flatMap((filter) => ['--filter', filter])
    return (await lab.ok('volume', 'ls', '-q', ...all)).split('\n').filter((name) => name !== '')
  }
  const groups = async (): Promise<string[]> => (await lab.cluster.prism.volumeGroups()).map(({ name }) => name)

  it('is how the volume is listed, so that it is not taken for unused', async () => {
    user = await lab.ok(
      ...['create', '--network', 'none', '--volume-driver', lab.driver, '-v', `${spelled}:/data`, lab.image],
      ...['sh', '-c', 'echo started >> /data/log; sleep 1000'],
    )
    await lab.ok('volume', 'create', '-d', lab.driver, '--label', 'kept=yes', 'other,size=64M')
    expect((await listed()).sort()).toEqual([spelled, 'other,size=64M'])
    // The usual way to clean up is to remove what this says.
    expect(await listed('dangling=true')).toEqual(['other,size=64M'])
    expect(await groups()).toEqual(['db', 'other'])
  })

  it('protects the volume of a container that is stopped, under any name', async () => {
    expect((await lab.docker('volume', 'rm', spelled)).stderr).toContain('volume is in use')
    expect((await lab.docker('volume', 'rm', 'db')).stderr).toContain(`is "${spelled}" to Docker on this host`)
    expect(await groups()).toEqual(['db', 'other'])
  })

  it('outlives a restart of dockerd and of the plugin, with labels and options', async () => {
    await lab.ok('start', user)
    await lab.stopDaemon('SIGTERM')
    await lab.stopPlugin('SIGTERM')
    await lab.startPlugin()
    await lab.startDaemon()
    const [other] = JSON.parse(await lab.ok('volume', 'inspect', 'other,size=64M')) as Record<string, unknown>[]
    expect(other).toMatchObject({ Name: 'other,size=64M', Labels: { kept: 'yes' } })
    expect((await listed()).sort()).toEqual([spelled, 'other,size=64M'])
    await lab.ok('start', user)
    await until('it has started', 20_000, async () =>
      (await lab.ok('exec', user, 'cat', '/data/log')).startsWith('started\nstarted'),
    )
  })

  it('is the same volume as the plain name, mounted once', async () => {
    const data = await lab.ok('run', '--rm', '--network', 'none', '-v', 'db:/data', lab.image, 'cat', '/data/log')
    expect(data).toBe('started\nstarted')
    expect((await listed()).sort()).toEqual(['db', spelled, 'other,size=64M'])
    // The running container has it, by the other name.
    await lab.ok('volume', 'rm', 'db')
    expect(await lab.ok('exec', user, 'cat', '/data/log')).toBe(data)
    expect((await listed()).sort()).toEqual([spelled, 'other,size=64M'])
  })

  it('is left alone by prune, and removes the volume at the end', async () => {
    await lab.ok('rm', '-f', user)
    await lab.ok('volume', 'prune', '--force')
    expect(await groups()).toEqual(['db', 'other'])
    await lab.ok('volume', 'rm', spelled, 'other,size=64M')
    expect(await listed()).toEqual([])
    expect(await lab.cluster.json('volume list --trash')).toHaveLength(2)
    expect(await lab.settled()).toEqual([])
  })
})
