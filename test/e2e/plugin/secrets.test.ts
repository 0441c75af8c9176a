import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isDaemon } from '../../../src/lib/host/iscsi/storage-daemon.js'
import { findProcesses } from '../../../src/lib/host/processes.js'
import { evidenceOf } from '../../secrets/evidence.js'
import { evidenceFolder, prismPassword, secretsOf } from '../../secrets/secrets.js'
import { canMount } from '../volume/mounted-lab.js'
import { startPluginLab, type PluginLab } from './plugin-lab.js'

/**
 * Brings every secret to where it could come to light. What it left to see is searched when the run is over, as that of all
 * e2e tests is (test/secrets/global-setup.ts); here, that there was something to find.
 */
describe.skipIf(!canMount('secrets of volumes and of logins'))('secrets', () => {
  let lab: PluginLab
  let stateFolder: string
  beforeAll(async () => {
    lab = await startPluginLab(['linger: 0s'])
    stateFolder = lab.cluster.env.ACS_STATE_DIR!
    await lab.client.ok('Create', { Name: 'db', Opts: { size: '64M', chap: 'true' } })
  })
  afterAll(() => lab.close())

  const chapFile = async (): Promise<string> => {
    const { Volume: volume } = (await lab.client.ok('Get', { Name: 'db' })) as { Volume: { Status: { uuid: string } } }
    return join(stateFolder, 'chap', volume.Status.uuid)
  }
  const environmentOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/environ`, 'utf8')

  it('of CHAP and of the login are at work, and are among those that are looked for', async () => {
    await lab.client.ok('Mount', { Name: 'db', ID: 'one' })
    const chap = (await readFile(await chapFile(), 'utf8')).trim()
    expect(lab.cluster.simulator.state().logins).toBeGreaterThan(0)
    expect(secretsOf(evidenceFolder()!).map(({ value }) => value)).toEqual(
      expect.arrayContaining([prismPassword(), chap]),
    )
    // A process that lives long may be looked at long, by root and by whoever gets at its environment through another hole.
    const daemons = await findProcesses('/proc', (argv) => isDaemon(argv) && argv.join().includes(lab.cluster.folder))
    expect(daemons).toHaveLength(1)
    for (const pid of [lab.plugin().process.pid!, daemons[0]!.pid])
      for (const secret of [chap, prismPassword()]) expect(await environmentOf(pid)).not.toContain(secret)
    await lab.client.ok('Unmount', { Name: 'db', ID: 'one' })
  })

  it('are not in what commands say at their most talkative', async () => {
    const place = lab.cluster.place('by-hand')
    for (const command of [
      'volume create other --size 64M --chap',
      `volume mount other --path ${place}`,
      'volume explain other',
      'volume show other --json',
      'volume unmount other',
      'volume update other --chap',
      'volume list',
      'doctor',
    ])
      expect(await lab.cluster.run(`${command} --debug`)).toMatchObject({
        stderr: expect.stringMatching(/^\+\d+ms /m) as string,
      })
  })

  it('are not in errors: of a target that refuses the secret', async () => {
    const file = await chapFile()
    const kept = await readFile(file)
    await writeFile(file, 'another-secret-1\n')
    const { status, body } = await lab.client.call('Mount', { Name: 'db', ID: 'two' })
    await writeFile(file, kept)
    expect({ status, Err: body.Err }).toMatchObject({ status: 500, Err: expect.stringContaining('EACSCHAP') as string })
    expect(body.Err).not.toContain('another-secret-1')
  })

  it('are not in errors: of a gateway that quotes the request it does not like', async () => {
    const login = Buffer.from(`${lab.cluster.simulator.username}:${prismPassword()}`).toString('base64')
    const quoted = `header too strange: "${login}", password "${prismPassword()}"`
    const fault = { kind: 'status', match: 'POST /volume_groups', value: 400, count: null, message: quoted } as const
    lab.cluster.simulator.addFault(fault)
    const { body } = await lab.client.call('Create', { Name: 'never', Opts: {} })
    const commands = await Promise.all(
      ['', ' --json', ' --debug'].map((flag) => lab.cluster.run(`volume create never --size 64M${flag}`)),
    )
    lab.cluster.simulator.clearFaults()
    for (const text of [String(body.Err), ...commands.map(({ stdout, stderr }) => stdout + stderr)])
      expect(text).toMatch(/header too strange: \\?"\*\*\*\\?", password \\?"\*\*\*/)
  })

  it('are looked for in what this plugin logs, counts and answers', async () => {
    await lab.close()
    const sources = [...evidenceOf(evidenceFolder()!)].map(({ source }) => source)
    for (const kind of [
      /^stderr of \S+ \S+run\.js plugin serve/,
      /^arguments of \d+: /,
      /^\/metrics of .*\/metrics\.sock$/,
      /^answer to Mount /,
      /\/state\/known-volumes\.json$/,
    ])
      expect(sources).toContainEqual(expect.stringMatching(kind))
  })
})
