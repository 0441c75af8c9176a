import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canRunDocker, startDockerLab, type DockerLab } from './docker-lab.js'
import { outputOf } from './run-tool.js'

describe.skipIf(!canRunDocker('compose', ['docker-compose']))('docker-compose', () => {
  let lab: DockerLab
  beforeAll(async () => {
    lab = await startDockerLab()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(lab.logs())
  })
  afterAll(() => lab.close())

  /** `own` has all that a volume can have, `named` a name without the project's, `made` is there before the project. */
  const file = (command: string): string => `
version: '3.8'
services:
  app:
    image: ${lab.image}
    network_mode: none
    command: ['sh', '-c', '${command}']
    volumes:
      - own:/data
      - named:/named
      - made:/made
      - type: volume
        source: bare
        target: /seeded
        volume: { nocopy: true }
volumes:
  own:
    driver: ${lab.driver}
    driver_opts: { size: 64M, fs: ext4 }
    labels: { team: shop }
  named:
    name: plain-name
    driver: ${lab.driver}
    driver_opts: { sizeMb: 96 }
  made:
    external: true
    name: made-before
  bare:
    driver: ${lab.driver}
    driver_opts: { size: 48M, mode: '0750' }
`

  async function compose(...args: string[]): Promise<string> {
    const host = `unix://${lab.dockerSocket}`
    return outputOf('docker-compose', ['-H', host, '-p', 'shop', '-f', join(lab.folder, 'compose.yaml'), ...args], {
      env: { ...process.env, HOME: lab.folder },
    })
  }
  const up = async (command: string): Promise<void> => {
    await writeFile(join(lab.folder, 'compose.yaml'), file(command))
    await compose('up')
  }
  const sizes = async (): Promise<Record<string, number>> => {
    const groups = await lab.cluster.prism.volumeGroups()
    return Object.fromEntries(groups.map(({ name, disks }) => [name, (disks[0]?.sizeBytes ?? 0) / 2 ** 20]))
  }

  it('makes the volumes of its file with driver, options, labels and names, and finds the external one', async () => {
    await lab.ok('volume', 'create', '-d', lab.driver, '-o', 'size=48M', 'made-before')
    await up('echo kept > /data/file; cp /data/file /named; cp /data/file /made')
    expect(await sizes()).toEqual({ shop_own: 64, 'plain-name': 96, 'made-before': 48, shop_bare: 48 })
    const [own] = JSON.parse(await lab.ok('volume', 'inspect', 'shop_own')) as Record<string, unknown>[]
    expect(own).toMatchObject({
      Driver: lab.driver,
      Options: { size: '64M', fs: 'ext4' },
      Labels: { team: 'shop', 'com.docker.compose.project': 'shop', 'com.docker.compose.volume': 'own' },
    })
    expect(await lab.settled()).toEqual([])
  })

  it('finds them again with their data', async () => {
    // With nocopy the image gives the volume neither content nor its folder's owner and mode.
    await up('cat /data/file /named/file /made/file; stat -c %a /seeded; ls -A /seeded')
    const lines = (await compose('logs', '--no-color', '--no-log-prefix')).split('\n')
    expect(lines.slice(-4)).toEqual(['kept', 'kept', 'kept', '750'])
    expect(await lab.settled()).toEqual([])
  })

  it('removes its own with down -v, and leaves the external one', async () => {
    await compose('down', '-v')
    expect((await lab.ok('volume', 'ls', '-q', '--filter', `driver=${lab.driver}`)).split('\n')).toEqual([
      'made-before',
    ])
    expect(await lab.cluster.json('volume list --trash')).toHaveLength(3)
    expect(await lab.settled()).toEqual([])
  })

  it("hands the plugin's complaint on", async () => {
    const text = `
version: '3.8'
services: { app: { image: ${lab.image}, network_mode: none, volumes: ['own:/data'] } }
volumes: { own: { driver: ${lab.driver}, driver_opts: { sise: 64M } } }
`
    await writeFile(join(lab.folder, 'compose.yaml'), text)
    await expect(compose('up')).rejects.toThrow(/"sise".*size/s)
  })
})
