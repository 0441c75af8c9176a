import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startVolumeLab, type VolumeLab } from '../volume/lab.js'
import { oldPluginCalls, startFakeDocker, type FakeDocker, type OldPluginCalls } from './old-plugin.js'

const here = 'iqn.1993-08.org.debian:01:here'
const there = 'iqn.1993-08.org.debian:01:there'
const secret = 'what-the-old-plugin-had'

interface Row {
  name: string
  state: string
  attachedTo: string[]
  containers: string[]
  what: string
}

describe('acs migrate dvp', () => {
  let lab: VolumeLab
  let old: OldPluginCalls
  let docker: FakeDocker
  beforeEach(async () => {
    lab = await startVolumeLab()
    old = await oldPluginCalls(lab)
    docker = await startFakeDocker(join(lab.folder, 'd.sock'))
    docker.plugins = [
      {
        Id: '1f',
        Name: 'nutanix:latest',
        Enabled: true,
        PluginReference: 'docker.io/ntnx/nutanix_volume_plugin:latest',
        Config: {},
        Settings: { Env: ['PRISM_IP=192.0.2.1', 'PRISM_USERNAME=dvp', `PRISM_PASSWORD=${secret}`] },
      },
    ]
  })
  afterEach(async () => {
    await docker.close()
    await lab.close()
  })

  const command = (...args: string[]): string =>
    ['migrate dvp', `--docker ${docker.socket}`, `--initiator ${here}`, ...args].join(' ')
  const rows = (result: Record<string, unknown>): Row[] => result.volumes as Row[]
  const use = (volume: string, container: string, State: string): void => {
    docker.volumes.push({ Name: volume, Driver: 'nutanix:latest' })
    const Mounts = [{ Type: 'volume', Name: volume, Driver: 'nutanix:latest' }]
    docker.containers.push({ Id: container.padEnd(64, '0'), Names: [`/${container}`], State, Mounts })
  }

  it('tells of each volume the old plugin made, and changes nothing', async () => {
    use('web', 'nginx', 'running')
    use('pg', 'postgres', 'exited')
    use('lost', 'job', 'exited')
    use('beside', 'cron', 'running')
    docker.volumes.push({ Name: 'local-one', Driver: 'local' })
    await old.open(await old.create('web'), here)
    await old.create('pg', 2048)
    await old.open(await old.create('beside'), there)
    await old.create('local-one')
    await lab.json('volume create ours --size 1G')
    const before = await lab.prism.volumeGroups()

    const { stdout } = await lab.run(command('--dry-run', '--json'))
    const { result: told, warnings } = JSON.parse(stdout) as { result: Record<string, unknown>; warnings: string[] }
    expect(
      rows(told).map(({ name, state, attachedTo, containers }) => ({ name, state, attachedTo, containers })),
    ).toEqual([
      { name: 'beside', state: 'elsewhere', attachedTo: [there], containers: ['cron (running)'] },
      { name: 'local-one', state: 'taken', attachedTo: [], containers: [] },
      { name: 'lost', state: 'missing', attachedTo: [], containers: ['job (exited)'] },
      { name: 'pg', state: 'ready', attachedTo: [], containers: ['postgres (exited)'] },
      { name: 'web', state: 'here', attachedTo: ['this host'], containers: ['nginx (running)'] },
    ])
    expect(told.wouldMark).toEqual(['pg'])
    expect(told.steps).toContain('docker stop cron nginx')
    expect(warnings.join()).toContain('docker plugin inspect nutanix:latest')
    expect(stdout).not.toContain(secret)
    expect(await lab.prism.volumeGroups()).toEqual(before)
  })

  it('marks what nobody has attached, so that acs manages it, and never formats it', async () => {
    use('pg', 'postgres', 'exited')
    use('web', 'nginx', 'running')
    const [pg, web] = [await old.create('pg'), await old.create('web')]
    await old.open(web, here)
    expect(await lab.failure(command())).toMatchObject({ code: 'EACSNOINPUT', exit: 2 })

    const { code, stdout } = await lab.run(command('--yes', '--json'))
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as { result: { marked: string[] } }).result.marked).toEqual(['pg'])
    expect((await lab.prism.volumeGroup(pg)).description).toBe('acs:{"v":1,"own":true}')
    expect((await lab.prism.volumeGroup(web)).description).toBe('')

    // The old plugin lets go, the command is run again.
    await old.close(web, here)
    const again = JSON.parse((await lab.run(command('--yes', '--json'))).stdout) as { result: Record<string, unknown> }
    expect(again.result.marked).toEqual(['web'])
    expect(rows(again.result).find(({ name }) => name === 'pg')?.state).toBe('managed')
    expect(await lab.json('volume show pg')).toMatchObject({ managed: true, formatted: true })
  })

  it('marks a volume that is named where Docker cannot be asked', async () => {
    await docker.close()
    await old.create('pg')
    await old.create('pvc-of-kubernetes')
    const { stdout } = await lab.run(command('--yes', '--json'))
    const answer = JSON.parse(stdout) as { result: Record<string, unknown>; warnings: string[] }
    expect(answer.result).toMatchObject({ dockerReachable: false, marked: [] })
    expect(answer.warnings.join()).toContain('Docker does not answer')
    const named = JSON.parse((await lab.run(command('--volume pg', '--yes', '--json'))).stdout) as typeof answer
    expect(named.result.marked).toEqual(['pg'])
    expect(await lab.failure(command('--volume nothing', '--yes'))).toMatchObject({ code: 'EACSNOTFOUND', exit: 3 })
    docker = await startFakeDocker(join(lab.folder, 'e.sock'))
  })

  it('shows it to people', async () => {
    use('pg', 'postgres', 'running')
    await old.open(await old.create('pg'), here)
    const { code, stdout, stderr } = await lab.run(command('--dry-run'))
    expect(code).toBe(0)
    expect(stdout).toContain('Old plugin: nutanix:latest (enabled) PRISM_IP=192.0.2.1 PRISM_USERNAME=dvp')
    expect(stdout).toMatch(/pg +1 GiB +here +this host +postgres \(running\)/)
    expect(stdout).toMatch(/1\. docker stop postgres\n/)
    expect(stderr).toContain('change it on the cluster')
    expect(`${stdout}${stderr}`).not.toContain(secret)
  })
})
