import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canRunDocker, startDockerLab, type DockerLab } from './docker-lab.js'

describe.skipIf(!canRunDocker('docker volumes'))('docker volumes on a cluster', () => {
  let lab: DockerLab
  beforeAll(async () => {
    lab = await startDockerLab()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(() => lab.close())

  const run = (...args: string[]): Promise<string> => lab.ok('run', '--network', 'none', '--rm', ...args)
  const volume = (name: string, ...options: string[]): Promise<string> =>
    lab.ok('volume', 'create', '-d', lab.driver, ...options.flatMap((option) => ['-o', option]), name)

  it('creates one, writes in a container, reads in another', async () => {
    await volume('pg', 'size=128M')
    await run('-v', 'pg:/data', lab.image, 'sh', '-c', 'echo kept > /data/file')
    expect(await run('-v', 'pg:/data', lab.image, 'cat', '/data/file')).toBe('kept')
    const [group] = (await lab.cluster.prism.volumeGroups()).filter(({ name }) => name === 'pg')
    expect(group?.disks[0]?.sizeBytes).toBe(128 * 2 ** 20)
    expect(await lab.settled()).toEqual([])
  })

  it('shows it', async () => {
    expect(await lab.ok('volume', 'ls', '-q', '--filter', `driver=${lab.driver}`)).toBe('pg')
    const [inspected] = JSON.parse(await lab.ok('volume', 'inspect', 'pg')) as Record<string, unknown>[]
    expect(inspected).toMatchObject({ Name: 'pg', Driver: lab.driver, Scope: 'global', Status: { size: '128 MiB' } })
  })

  it('has no lost+found, so that an image fills it and gives it its owner', async () => {
    await volume('seeded', 'size=128M')
    const listed = await run('-v', 'seeded:/seeded', lab.image, 'sh', '-c', 'ls -a /seeded; stat -c %u /seeded')
    expect(listed.split('\n')).toEqual(['.', '..', 'from-image', '4242'])
  })

  it('is mounted once for two containers, and stays until the last is gone', async () => {
    await volume('shared', 'size=128M')
    const ids = [await lab.ok('run', '-d', '--network', 'none', '-v', 'shared:/data', lab.image, 'sleep', '600')]
    ids.push(await lab.ok('run', '-d', '--network', 'none', '-v', 'shared:/data', lab.image, 'sleep', '600'))
    await lab.ok('exec', ids[0]!, 'sh', '-c', 'echo one > /data/file')
    expect(await lab.ok('exec', ids[1]!, 'cat', '/data/file')).toBe('one')
    await lab.ok('rm', '-f', ids[0]!)
    await lab.ok('exec', ids[1]!, 'sh', '-c', 'echo two >> /data/file')
    expect(await lab.docker('volume', 'rm', 'shared')).toMatchObject({ code: 1 })
    await lab.ok('rm', '-f', ids[1]!)
    expect(await run('-v', 'shared:/data', lab.image, 'cat', '/data/file')).toBe('one\ntwo')
    expect(await lab.settled()).toEqual([])
  })

  it('is copied from and to, in a running and in a stopped container', async () => {
    await volume('copied', 'size=128M')
    const id = await lab.ok('run', '-d', '--network', 'none', '-v', 'copied:/data', lab.image, 'sleep', '600')
    const { folder } = lab.cluster
    const { writeFile, readFile } = await import('node:fs/promises')
    await writeFile(`${folder}/in`, 'copied in')
    await lab.ok('cp', `${folder}/in`, `${id}:/data/in`)
    expect(await lab.ok('exec', id, 'cat', '/data/in')).toBe('copied in')
    await lab.ok('kill', id)
    await lab.ok('cp', `${id}:/data/in`, `${folder}/out`)
    expect(await readFile(`${folder}/out`, 'utf8')).toBe('copied in')
    await lab.ok('cp', `${folder}/in`, `${id}:/data/again`)
    await lab.ok('rm', id)
    expect(await run('-v', 'copied:/data', lab.image, 'ls', '/data')).toBe('again\nin')
    expect(await lab.settled()).toEqual([])
  })

  it('is anonymous and goes with its container', async () => {
    const before = (await lab.cluster.prism.volumeGroups()).length
    await run('--mount', `type=volume,dst=/data,volume-driver=${lab.driver},volume-opt=size=128M`, lab.image, 'true')
    expect(await lab.settled()).toEqual([])
    // In the trash, as any other: Docker asks for no confirmation.
    const trashed = await lab.cluster.json('volume list --trash')
    expect(trashed).toHaveLength(1)
    expect((await lab.cluster.prism.volumeGroups()).length).toBe(before + 1)
  })

  it('takes its options in the name, too', async () => {
    const text = await run('--volume-driver', lab.driver, '-v', 'inline,size=320M,fs=xfs:/data', lab.image, 'mount')
    expect(text).toMatch(/ on \/data type xfs /)
    expect((await lab.cluster.prism.volumeGroups()).find(({ name }) => name === 'inline')?.disks[0]?.sizeBytes).toBe(
      320 * 2 ** 20,
    )
    expect(await lab.settled()).toEqual([])
  })

  it('explains the options, and refuses what it does not know', async () => {
    expect((await lab.docker('volume', 'create', '-d', lab.driver, '-o', 'help', 'x')).stderr).toContain('on-remove')
    const wrong = await lab.docker('volume', 'create', '-d', lab.driver, '-o', 'sise=1G', 'x')
    expect(wrong.stderr).toContain('size')
  })

  it('goes to the trash, and comes back', async () => {
    await volume('binned', 'size=128M')
    await run('-v', 'binned:/data', lab.image, 'sh', '-c', 'echo kept > /data/file')
    await lab.ok('volume', 'rm', 'binned')
    expect((await lab.docker('volume', 'inspect', 'binned')).code).toBe(1)
    await lab.cluster.json('volume undelete binned')
    expect(await run('--volume-driver', lab.driver, '-v', 'binned:/data', lab.image, 'cat', '/data/file')).toBe('kept')
    expect(await lab.settled()).toEqual([])
  })

  it('is removed', async () => {
    await lab.ok('volume', 'rm', 'pg')
    expect((await lab.docker('volume', 'inspect', 'pg')).code).toBe(1)
    expect((await lab.cluster.prism.volumeGroups()).map(({ name }) => name)).not.toContain('pg')
  })

  it('tells what is wrong', async () => {
    expect((await lab.docker('volume', 'create', '-d', lab.driver, '-o', 'size=10X', 'bad')).stderr).toContain('10X')
    expect((await lab.docker('volume', 'create', '-d', lab.driver, '../bad')).code).toBe(1)
  })
})
