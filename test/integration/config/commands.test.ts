import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '@oclif/core'
import { captureOutput } from '@oclif/test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import ClusterShow from '../../../src/commands/cluster/show.js'
import ContextAdd from '../../../src/commands/context/add.js'
import ContextList from '../../../src/commands/context/list.js'
import ContextRemove from '../../../src/commands/context/remove.js'
import ContextShow from '../../../src/commands/context/show.js'
import ContextUse from '../../../src/commands/context/use.js'
import Login from '../../../src/commands/login.js'
import Logout from '../../../src/commands/logout.js'
import { toldFailure } from '../../../src/lib/cli/base-command.js'
import { projectConfig } from '../../unit/cli/project.js'
import { startLab } from '../prism/simulated.js'

const config = await projectConfig()
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-contexts-'))
  for (const name of Object.keys(process.env))
    if (/^(ACS|NUTANIX|PRISM|DATASERVICES|DEFAULT_CONTAINER|CREDENTIALS)/.test(name)) vi.stubEnv(name, undefined)
  vi.stubEnv('ACS_CONFIG', join(folder, 'acs', 'config.yaml'))
  vi.stubEnv('NO_COLOR', '1')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

interface Runnable {
  run(argv: string[], options: Config): Promise<unknown>
}

async function run(command: Runnable, ...argv: string[]) {
  const { stdout, stderr, error, result } = await captureOutput(() => command.run(argv, config), { stripAnsi: true })
  return { stdout, stderr, result, failure: error === undefined ? undefined : toldFailure(error) }
}

async function passwordFile(password: string): Promise<string> {
  const path = join(folder, 'password')
  await writeFile(path, `${password}\n`, { mode: 0o600 })
  return path
}

describe('context add', () => {
  it('does not trust a certificate by itself: in a script it stops and shows the fingerprint', async () => {
    const { sim } = await startLab()
    const { stderr, failure } = await run(ContextAdd, 'lab', '--endpoint', sim.endpoint, '--username', 'admin')
    expect(failure).toMatchObject({ exitCode: 2, code: 'EACSNOINPUT' })
    expect(stderr).toContain(sim.fingerprint)
    expect(stderr).toContain(`--fingerprint ${sim.fingerprint}`)
    await expect(stat(join(folder, 'acs', 'config.yaml'))).rejects.toThrow('ENOENT')
  })

  it('names all that a script forgot', async () => {
    const { failure } = await run(ContextAdd, 'lab')
    expect(failure).toMatchObject({ exitCode: 2, message: '--endpoint and --username must be given' })
  })

  it.each([
    [['../x', '--endpoint', 'h', '--username', 'u'], 'EACSCONTEXTNAME'],
    [['lab', '--endpoint', 'http://h', '--username', 'u'], 'EACSENDPOINT'],
    [['lab', '--endpoint', 'h', '--username', 'u', '--fingerprint', 'abc'], 'EACSFINGERPRINT'],
    [['lab', '--endpoint', 'h', '--username', 'u', '--ca-file', '/none'], 'EACSCAFILE'],
    [['lab', '--endpoint', 'h', '--username', 'u', '--credential', 'magic'], 'EACSCREDENTIAL'],
  ])('refuses %j', async (argv, code) => {
    expect((await run(ContextAdd, ...argv)).failure).toMatchObject({ exitCode: 2, code })
  })
})

describe('contexts, from the first to the last', () => {
  it('are added, listed, shown, used and removed', async () => {
    const pin = Array<string>(32).fill('AB').join(':')
    const common = ['--username', 'ada', '--fingerprint', pin]
    expect((await run(ContextAdd, 'lab', '--endpoint', 'Lab', ...common)).result).toMatchObject({ current: true })
    expect((await run(ContextAdd, 'prod', '--endpoint', 'fd00::5', ...common)).result).toMatchObject({
      current: false,
      endpoint: 'https://[fd00::5]:9440',
    })
    expect((await run(ContextAdd, 'lab', '--endpoint', 'x', ...common)).failure).toMatchObject({ exitCode: 5 })
    expect((await run(ContextList, '-o', 'name')).stdout).toBe('lab\nprod\n')
    await run(ContextUse, 'prod')
    expect(JSON.parse((await run(ContextShow, '--json')).stdout)).toMatchObject({
      result: { name: 'prod', current: true, trust: 'pinned', fingerprint: pin },
    })
    vi.stubEnv('ACS_ENDPOINT', 'elsewhere')
    expect((await run(ContextShow)).stderr).toContain('env ACS_ENDPOINT (elsewhere) goes before https://[fd00::5]:9440')
    await run(ContextRemove, 'prod')
    expect((await run(ContextList)).stdout).not.toContain('prod')
    expect((await run(ContextShow, 'prod')).failure).toMatchObject({ exitCode: 3 })
    vi.stubEnv('ACS_ENDPOINT', undefined)
    expect((await run(ContextShow)).failure).toMatchObject({ exitCode: 3, code: 'EACSNOCONTEXT' })
  })
})

describe('context add --replace', () => {
  const pin = Array<string>(32).fill('AB').join(':')
  let stored = ''
  beforeEach(() => {
    stored = join(folder, 'acs', 'credentials', 'lab')
  })

  /** A context with a stored password, and where it points. */
  async function loggedIn() {
    const { sim, password } = await startLab()
    await run(ContextAdd, 'lab', '--endpoint', sim.endpoint, '--username', 'admin', '--fingerprint', sim.fingerprint)
    await run(Login, '--credential', 'file', '--password-file', await passwordFile(password))
    expect(await readFile(stored, 'utf8')).toBe(`${password}\n`)
    return sim
  }

  it.each([
    ['another user', 'admin2', undefined],
    ['another endpoint', 'admin', 'https://elsewhere:9440'],
  ])('for %s removes the password that was stored', async (_what, username, endpoint) => {
    const sim = await loggedIn()
    const other = ['--endpoint', endpoint ?? sim.endpoint, '--username', username, '--fingerprint', pin]
    // Its own file is the same one, where the old password must not be found.
    const { stderr, failure } = await run(ContextAdd, 'lab', ...other, '--credential', 'file', '--replace')
    expect(failure).toBeUndefined()
    expect(stderr).toContain('The password stored for the context before is removed.')
    expect(stderr).toContain('Next: acs login')
    await expect(stat(stored)).rejects.toThrow('ENOENT')
  })

  it('for the same user on the same endpoint leaves it where it is', async () => {
    const { endpoint, fingerprint } = await loggedIn()
    const same = ['--endpoint', `${endpoint.toUpperCase().replace('HTTPS', 'https')}/`, '--username', 'admin']
    const { stderr } = await run(ContextAdd, 'lab', ...same, '--fingerprint', fingerprint, '--replace')
    expect(stderr).not.toContain('acs login')
    expect((await run(ClusterShow)).failure).toBeUndefined()
    await run(ContextAdd, 'lab', ...same, '--fingerprint', fingerprint, '--replace', '--credential', 'command:cat x')
    await expect(stat(stored)).rejects.toThrow('ENOENT')
  })

  it('that is refused changes nothing', async () => {
    const { endpoint } = await loggedIn()
    const other = ['--endpoint', endpoint, '--username', 'admin2', '--fingerprint', pin]
    expect((await run(ContextAdd, 'lab', ...other)).failure).toMatchObject({ code: 'EACSEXISTS' })
    expect((await run(ContextAdd, 'lab', '--replace', ...other.slice(0, 4))).failure).toMatchObject({
      code: 'EACSNOINPUT',
    })
    expect((await run(ClusterShow)).failure).toBeUndefined()
  })

  it('says what stays where acs did not put it', async () => {
    const own = await passwordFile('mine')
    await run(
      ContextAdd,
      'lab',
      '--endpoint',
      'h',
      '--username',
      'ada',
      '--fingerprint',
      pin,
      '--credential',
      `file:${own}`,
    )
    const other = ['--endpoint', 'h', '--username', 'bob', '--fingerprint', pin, '--replace']
    const { stderr } = await run(ContextAdd, 'lab', ...other)
    expect(stderr).toContain(`the password stays where acs did not put it: file ${own}`)
    expect(await readFile(own, 'utf8')).toBe('mine\n')
  })
})

describe('login', () => {
  it('checks the password, keeps it in a 0600 file, and commands use it until logout', async () => {
    const { sim, password } = await startLab()
    const pinned = ['--endpoint', sim.endpoint, '--username', 'admin', '--fingerprint', sim.fingerprint]
    await run(ContextAdd, 'lab', ...pinned)
    const wrong = await run(Login, '--credential', 'file', '--password-file', await passwordFile('wrong'))
    expect(wrong.failure).toMatchObject({ exitCode: 4, code: 'EACSAUTH' })
    const stored = join(folder, 'acs', 'credentials', 'lab')
    await expect(stat(stored)).rejects.toThrow('ENOENT')

    const right = await run(Login, '--credential', 'file', '--password-file', await passwordFile(password))
    expect(right.failure).toBeUndefined()
    expect(right.stdout + right.stderr).not.toContain(password)
    expect((await stat(stored)).mode & 0o777).toBe(0o600)
    expect((await stat(join(stored, '..'))).mode & 0o777).toBe(0o700)
    expect(await readFile(join(folder, 'acs', 'config.yaml'), 'utf8')).not.toContain(password)

    const shown = await run(ClusterShow, '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({ result: { name: expect.any(String) as string }, warnings: [] })

    expect((await run(Logout)).failure).toBeUndefined()
    await expect(stat(stored)).rejects.toThrow('ENOENT')
    expect((await run(ClusterShow)).failure).toMatchObject({ exitCode: 4, code: 'EACSNOPASSWORD' })
  })

  it("does not send another cluster's password from the environment", async () => {
    const { sim, password } = await startLab()
    const pinned = ['--endpoint', sim.endpoint, '--username', 'admin', '--fingerprint', sim.fingerprint]
    await run(ContextAdd, 'lab', ...pinned)
    vi.stubEnv('ACS_PASSWORD', password)
    expect((await run(Login, '--credential', 'file')).failure).toMatchObject({ code: 'EACSNOINPUT' })
    expect(sim.state().failedLogins).toBe(0)
  })

  it('says before it asks that there is no keyring', async () => {
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', 'unix:path=/nonexistent')
    const { sim, password } = await startLab()
    const pinned = ['--endpoint', sim.endpoint, '--username', 'admin', '--fingerprint', sim.fingerprint]
    await run(ContextAdd, 'lab', ...pinned)
    const logins = sim.state().logins
    const { failure, stderr } = await run(Login, '--password-file', await passwordFile(password))
    expect(failure).toMatchObject({ exitCode: 8, code: 'EACSKEYRING' })
    expect(stderr).toContain('acs login --credential file')
    expect(sim.state().logins).toBe(logins)
  })

  it('leaves a password file alone that acs did not make', async () => {
    const { sim, password } = await startLab()
    const own = await passwordFile(password)
    const pinned = ['--endpoint', sim.endpoint, '--username', 'admin', '--fingerprint', sim.fingerprint]
    await run(ContextAdd, 'lab', ...pinned, '--credential', `file:${own}`)
    expect((await run(ClusterShow)).failure).toBeUndefined()
    const { stderr } = await run(ContextRemove, 'lab')
    expect(stderr).toContain(`the password stays where acs did not put it: file ${own}`)
    expect(await readFile(own, 'utf8')).toContain(password)
  })
})
