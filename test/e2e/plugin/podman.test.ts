import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canRunPodman, startPodmanLab, type PodmanLab } from './podman-lab.js'
import { until } from './until.js'

describe.skipIf(!canRunPodman('Podman'))('podman volumes on a cluster', () => {
  let lab: PodmanLab
  beforeAll(async () => {
    lab = await startPodmanLab()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.plugin().told())
  })
  afterAll(() => lab.close())

  const create = (name: string, ...options: string[]): Promise<string> =>
    lab.ok('volume', 'create', '--driver', lab.driver, ...options.flatMap((option) => ['-o', option]), name)
  const trash = (): Promise<unknown> => lab.cluster.json('volume list --trash')

  it('creates one and shows it', async () => {
    await create('pg', 'size=64M')
    const [group] = (await lab.cluster.prism.volumeGroups()).filter(({ name }) => name === 'pg')
    expect(group?.disks[0]?.sizeBytes).toBe(64 * 2 ** 20)
    const [volume] = JSON.parse(await lab.ok('volume', 'inspect', 'pg')) as Record<string, unknown>[]
    expect(volume).toMatchObject({
      Name: 'pg',
      Driver: lab.driver,
      Options: { size: '64M' },
      Status: { size: '64 MiB' },
    })
    expect(await lab.ok('volume', 'ls', '--quiet')).toBe('pg')
  })

  it('mounts it by hand, and shows where', async () => {
    // podman 4.3 prints no path for a volume of a plugin.
    await lab.ok('volume', 'mount', 'pg')
    const place = await lab.ok('volume', 'inspect', '--format', '{{.Mountpoint}}', 'pg')
    expect((await lab.cluster.host.mounts()).map(({ mountPoint }) => mountPoint)).toContain(place)
    await writeFile(join(place, 'file'), 'by hand\n')
    await lab.ok('volume', 'unmount', 'pg')
    expect(await lab.settled()).toEqual([])
  })

  it('writes in a container, reads in another', async () => {
    await lab.run('--rm', '-v', 'pg:/data', lab.image, 'sh', '-c', 'echo kept >> /data/log')
    expect(await lab.run('--rm', '-v', 'pg:/data', lab.image, 'cat', '/data/file', '/data/log')).toBe('by hand\nkept')
    expect(await lab.settled()).toEqual([])
  })

  it('is filled from the image; its owner is what the options say', async () => {
    await create('seeded', 'size=64M', 'uid=4242')
    const script = 'ls -a /seeded; stat -c %u /seeded /seeded/from-image'
    const listed = await lab.run('--rm', '-v', 'seeded:/seeded', lab.image, 'sh', '-c', script)
    expect(listed.split('\n')).toEqual(['.', '..', 'from-image', '4242', '4242'])
    expect(await lab.settled()).toEqual([])
  })

  it('is mounted once for two containers, and stays until the last is gone', async () => {
    const [one = '', two = ''] = await Promise.all(
      ['one', 'two'].map((name) => lab.run('-d', '--name', name, '-v', 'pg:/data', lab.image, 'sleep', '600')),
    )
    await lab.ok('exec', one, 'sh', '-c', 'echo one > /data/shared')
    expect(await lab.ok('exec', two, 'cat', '/data/shared')).toBe('one')
    expect((await lab.podman('volume', 'rm', 'pg')).stderr).toContain('being used')
    await lab.ok('rm', '--force', '--time', '0', one)
    await lab.ok('exec', two, 'sh', '-c', 'echo two >> /data/shared')
    await lab.ok('rm', '--force', '--time', '0', two)
    expect(await lab.run('--rm', '-v', 'pg:/data', lab.image, 'cat', '/data/shared')).toBe('one\ntwo')
    expect(await lab.settled()).toEqual([])
  })

  it('knows a volume that somebody else made, once it is asked to look', async () => {
    await lab.cluster.json('volume create elsewhere --size 64M')
    const known = async (): Promise<string[]> => (await lab.ok('volume', 'ls', '--quiet')).split('\n').sort()
    expect(await known()).toEqual(['pg', 'seeded'])
    // The plugin itself hears of it within 30 s.
    await until('podman knows it', 60_000, async () => {
      await lab.ok('volume', 'reload')
      return (await known()).includes('elsewhere')
    })
    await lab.run('--rm', '-v', 'elsewhere:/data', lab.image, 'touch', '/data/here')
  })

  it("hands the plugin's complaints on", async () => {
    expect((await lab.podman('volume', 'create', '--driver', lab.driver, '-o', 'sise=1G', 'bad')).stderr).toMatch(
      /sise.*size/,
    )
    expect((await lab.podman('volume', 'create', '--driver', lab.driver, '-o', 'help', 'bad')).stderr).toContain(
      'on-remove',
    )
  })

  it('takes no options in the name: Podman has rules of its own for names', async () => {
    const args = ['run', '--rm', '--network', 'none', '-v', 'inline,size=64M:/data', lab.image, 'true']
    expect((await lab.podman(...args)).stderr).toContain('names must match')
  })

  it('removes it, to the trash', async () => {
    await lab.ok('volume', 'rm', 'pg', 'seeded', 'elsewhere')
    expect(await lab.ok('volume', 'ls', '--quiet')).toBe('')
    expect(await trash()).toHaveLength(3)
    expect(await lab.settled()).toEqual([])
  })
})
