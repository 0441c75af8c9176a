import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { redactKnown } from '../../../src/lib/base/redact.js'
import { keyringOf, useSandbox } from './sandbox.js'

const sandbox = useSandbox()
const pin = Array<string>(32).fill('AB').join(':')
const otherPin = Array<string>(32).fill('CD').join(':')

const lab = {
  endpoint: 'lab',
  username: 'ada',
  fingerprint: pin,
  credential: { source: 'keyring' },
  storageContainer: 'Default',
}
const labKeyring = keyringOf({ 'ada@lab:9440': 'lab-secret' })

describe('precedence', () => {
  it('is flag, environment, context, system file', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    await sandbox.write('system.yaml', 'endpoint: sys\nusername: sam\ndataServices: 10.0.0.9\n')
    const env = { ACS_ENDPOINT: 'env-host', ACS_USERNAME: 'eve' }
    const fromFlag = await sandbox.resolve({ flags: { endpoint: 'flag-host' }, env })
    expect(fromFlag).toMatchObject({ endpoint: 'https://flag-host:9440', username: 'eve' })
    expect(fromFlag.origins).toMatchObject({ endpoint: 'flag --endpoint' })
    const fromEnv = await sandbox.resolve({ env })
    expect(fromEnv).toMatchObject({ endpoint: 'https://env-host:9440', username: 'eve' })
    expect(fromEnv.origins).toMatchObject({ endpoint: 'env ACS_ENDPOINT', username: 'env ACS_USERNAME' })
    const fromContext = await sandbox.resolve()
    expect(fromContext).toMatchObject({
      endpoint: 'https://lab:9440',
      username: 'ada',
      fingerprint: pin,
      context: 'lab',
    })
    await sandbox.configure({})
    const fromSystem = await sandbox.resolve()
    expect(fromSystem).toMatchObject({ endpoint: 'https://sys:9440', username: 'sam', dataServices: '10.0.0.9' })
    expect(fromSystem.origins.endpoint).toBe(sandbox.systemFile)
  })

  it('puts a context that was asked for by flag before the environment', async () => {
    await sandbox.configure({ contexts: { lab } })
    const env = { ACS_ENDPOINT: 'sim', ACS_USERNAME: 'admin', ACS_PASSWORD: 'sim-secret' }
    const connection = await sandbox.resolve({ flags: { context: 'lab' }, env, keyring: labKeyring })
    expect(connection).toMatchObject({ endpoint: 'https://lab:9440', username: 'ada' })
    expect(await connection.password()).toBe('lab-secret')
    expect(redactKnown('a tool quotes lab-secret')).toBe('a tool quotes ***')
  })

  it('puts ACS_ENDPOINT before a context named by ACS_CONTEXT, and says so', async () => {
    await sandbox.configure({ contexts: { lab } })
    const env = { ACS_ENDPOINT: 'sim', ACS_USERNAME: 'admin', ACS_CONTEXT: 'lab' }
    const { endpoint, warnings } = await sandbox.resolve({ flags: { context: 'lab' }, env })
    expect(endpoint).toBe('https://sim:9440')
    expect(warnings).toEqual(['the cluster is sim:9440 (env ACS_ENDPOINT), not lab of the context lab'])
  })

  it('does not warn when environment and context mean the same', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    const { warnings } = await sandbox.resolve({ env: { ACS_ENDPOINT: 'https://LAB:9440/' } })
    expect(warnings).toEqual([])
  })

  it.each([
    [{ NUTANIX_ENDPOINT: 'n', NUTANIX_USERNAME: 'u', NUTANIX_PASSWORD: 'p' }, 'https://n:9440', 'p'],
    [{ PRISM_IP: '10.0.0.1', PRISM_USERNAME: 'u', PRISM_PASSWORD: 'q' }, 'https://10.0.0.1:9440', 'q'],
    [
      { ACS_ENDPOINT: 'a', ACS_USERNAME: 'u', ACS_PASSWORD: 'r', PRISM_IP: 'b', PRISM_PASSWORD: 'q' },
      'https://a:9440',
      'r',
    ],
  ])('understands the older names %j', async (env, endpoint, password) => {
    const connection = await sandbox.resolve({ env })
    expect(connection.endpoint).toBe(endpoint)
    expect(await connection.password()).toBe(password)
  })

  it('reads the other names of the old Docker plugin', async () => {
    const env = { PRISM_IP: 'p', PRISM_USERNAME: 'u', DATASERVICES_IP: '10.0.0.5', DEFAULT_CONTAINER: 'Default' }
    expect(await sandbox.resolve({ env })).toMatchObject({ dataServices: '10.0.0.5', storageContainer: 'Default' })
  })

  it('takes an empty variable as unset', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    expect(await sandbox.resolve({ env: { ACS_ENDPOINT: '', ACS_CONTEXT: '' } })).toMatchObject({ context: 'lab' })
  })

  it('names all that is missing at once', async () => {
    await expect(sandbox.resolve()).rejects.toMatchObject({
      code: 'EACSNOCONNECTION',
      kind: 'usage',
      details: { missing: ['--endpoint', '--username'] },
    })
  })

  it('lists the contexts there are when one is unknown', async () => {
    await sandbox.configure({ contexts: { lab } })
    await expect(sandbox.resolve({ flags: { context: 'lib' } })).rejects.toMatchObject({
      code: 'EACSNOCONTEXT',
      kind: 'not-found',
      hints: ['There is: lab'],
    })
  })
})

describe('a password goes to its own endpoint only', () => {
  it.each([
    ['flag', { flags: { endpoint: 'evil' } }],
    ['environment', { env: { ACS_ENDPOINT: 'evil' } }],
    ['older environment', { env: { PRISM_IP: 'evil' } }],
    ['flag with the user', { flags: { endpoint: 'evil', username: 'ada' } }],
    ['another port', { flags: { endpoint: 'lab:9441', username: 'ada' } }],
  ])('not when the endpoint is from the %s', async (_what, input) => {
    const passwordFile = await sandbox.write('password', 'lab-secret\n')
    await sandbox.configure({
      current: 'lab',
      contexts: { lab: { ...lab, credential: { source: 'file', path: passwordFile } } },
    })
    const env = { ACS_USERNAME: 'ada', ...('env' in input ? input.env : {}) }
    const connection = await sandbox.resolve({ ...input, env })
    await expect(connection.password()).rejects.toMatchObject({ code: 'EACSNOPASSWORD' })
    expect(connection.fingerprint).toBeUndefined()
  })

  it('but when the endpoint is another spelling of the same', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    const connection = await sandbox.resolve({ flags: { endpoint: 'https://LAB:9440' }, keyring: labKeyring })
    expect(await connection.password()).toBe('lab-secret')
    expect(connection.fingerprint).toBe(pin)
  })

  it('not to another user', async () => {
    const path = await sandbox.write('password', 'lab-secret\n')
    await sandbox.configure({ current: 'lab', contexts: { lab: { ...lab, credential: { source: 'file', path } } } })
    const connection = await sandbox.resolve({ flags: { username: 'bob' } })
    await expect(connection.password()).rejects.toMatchObject({ code: 'EACSNOPASSWORD' })
  })

  it("not ACS_PASSWORD to a context's endpoint when ACS_ENDPOINT is another", async () => {
    await sandbox.configure({ contexts: { lab } })
    const env = { ACS_ENDPOINT: 'sim', ACS_PASSWORD: 'sim-secret' }
    const connection = await sandbox.resolve({ flags: { context: 'lab' }, env })
    await expect(connection.password()).rejects.toMatchObject({ code: 'EACSNOPASSWORD' })
  })

  it('not the password of a system file that names no endpoint', async () => {
    const path = await sandbox.write('password', 'sys-secret\n')
    await sandbox.write('system.yaml', `credential: {source: file, path: ${path}}\n`)
    const connection = await sandbox.resolve({ flags: { endpoint: 'evil', username: 'u' } })
    await expect(connection.password()).rejects.toMatchObject({ code: 'EACSNOPASSWORD' })
  })

  it('is not disturbed by a broken endpoint elsewhere', async () => {
    await expect(
      sandbox.resolve({ env: { ACS_ENDPOINT: 'lab', ACS_USERNAME: 'u', NUTANIX_ENDPOINT: 'http://x/y' } }),
    ).resolves.toMatchObject({ endpoint: 'https://lab:9440' })
  })
})

describe('trust', () => {
  it('is of one place: a CA by flag drops the pin of the context', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    const caFile = await sandbox.write('ca.pem', '-----BEGIN CERTIFICATE-----\nxx\n')
    const connection = await sandbox.resolve({ flags: { caFile } })
    expect(connection.fingerprint).toBeUndefined()
    expect(connection.ca).toContain('BEGIN CERTIFICATE')
    expect(connection.origins.trust).toBe('flag --ca-file')
  })

  it('takes the pin of the environment before that of the context', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    expect(
      await sandbox.resolve({ env: { ACS_FINGERPRINT: otherPin.replaceAll(':', '').toLowerCase() } }),
    ).toMatchObject({
      fingerprint: otherPin,
      origins: { trust: 'env ACS_FINGERPRINT' },
    })
  })

  it('refuses a CA file that is none', async () => {
    const caFile = await sandbox.write('ca.pem', 'hello')
    const flags = { endpoint: 'x', username: 'u', caFile }
    await expect(sandbox.resolve({ flags })).rejects.toMatchObject({ code: 'EACSCAFILE' })
    await expect(sandbox.resolve({ flags: { ...flags, caFile: '/none' } })).rejects.toMatchObject({
      code: 'EACSCAFILE',
    })
  })
})

describe('password sources', () => {
  const here = { endpoint: 'lab', username: 'ada' }

  it('come in the documented order', async () => {
    const flagFile = await sandbox.write('flag', 'from-flag\n')
    const envFile = await sandbox.write('env', 'from-env-file\n')
    await sandbox.write('systemd/acs-password', 'from-systemd\n', 0o440)
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    const env = {
      ACS_PASSWORD_FILE: envFile,
      CREDENTIALS_DIRECTORY: `${sandbox.folder}/systemd`,
      ACS_PASSWORD: 'from-env',
    }
    const readStdin = (): Promise<string> => Promise.resolve('from-stdin\n')
    const askPassword = (): Promise<string> => Promise.resolve('from-person')
    const all = { env, readStdin, askPassword, keyring: labKeyring }
    const origins: string[] = []
    const take = async (input: Parameters<typeof sandbox.resolve>[0]): Promise<void> => {
      const connection = await sandbox.resolve(input)
      origins.push(`${await connection.password()} <- ${await connection.passwordOrigin()}`)
    }
    await take({ ...all, flags: { passwordStdin: true, passwordFile: flagFile } })
    await take({ ...all, flags: { passwordFile: flagFile } })
    await take(all)
    await take({ ...all, env: { ...env, ACS_PASSWORD_FILE: undefined } })
    await take({ ...all, env: { ACS_PASSWORD: 'from-env' } })
    await take({ ...all, env: { ACS_PASSWORD: 'from-env' }, keyring: keyringOf({}) })
    await take({ ...all, env: {}, keyring: keyringOf({}) })
    expect(origins).toEqual([
      'from-stdin <- flag --password-stdin',
      'from-flag <- flag --password-file',
      'from-env-file <- env ACS_PASSWORD_FILE',
      'from-systemd <- systemd credential acs-password',
      'lab-secret <- keyring (context lab)',
      'from-env <- env ACS_PASSWORD',
      'from-person <- the terminal',
    ])
  })

  it('asks once, also for several logins', async () => {
    let asked = 0
    const askPassword = (): Promise<string> => Promise.resolve(`p${(asked += 1)}`)
    const connection = await sandbox.resolve({ flags: here, askPassword })
    expect([await connection.password(), await connection.password()]).toEqual(['p1', 'p1'])
  })

  const broken = {
    ...keyringOf({}),
    read: () => Promise.reject(new AcsError('precondition', 'EACSKEYRING', 'there is no usable keyring here: test')),
  }

  it('passes a broken keyring over for ACS_PASSWORD, with a warning', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    const connection = await sandbox.resolve({ keyring: broken, env: { ACS_PASSWORD: 'p' } })
    expect(await connection.password()).toBe('p')
    expect(connection.warnings).toEqual([
      'there is no usable keyring here: test; the password is from env ACS_PASSWORD',
    ])
  })

  it('says that the keyring is broken when there is nothing else', async () => {
    await sandbox.configure({ current: 'lab', contexts: { lab } })
    const connection = await sandbox.resolve({ keyring: broken })
    await expect(connection.password()).rejects.toMatchObject({ code: 'EACSKEYRING', kind: 'precondition' })
  })

  it('stops at a file that is open to others, whatever else there is', async () => {
    const passwordFile = await sandbox.write('flag', 'x\n', 0o644)
    const connection = await sandbox.resolve({ flags: { ...here, passwordFile }, env: { ACS_PASSWORD: 'p' } })
    await expect(connection.password()).rejects.toMatchObject({
      code: 'EACSSECRETFILE',
      hints: [`chmod 600 ${passwordFile}`],
    })
  })

  it('runs a credential command with user and endpoint', async () => {
    const command = 'echo "$ACS_USERNAME at $ACS_ENDPOINT ${ACS_PASSWORD:-unset}"; echo second'
    await sandbox.configure({
      current: 'lab',
      contexts: { lab: { ...lab, credential: { source: 'command', command } } },
    })
    const connection = await sandbox.resolve({ env: { ...process.env, ACS_PASSWORD: 'no' } })
    expect(await connection.password()).toBe('ada at https://lab:9440 unset')
  })

  it('tells how a credential command failed, without its output', async () => {
    const command = 'echo half-a-secret; echo "vault is sealed" >&2; exit 3'
    await sandbox.configure({
      current: 'lab',
      contexts: { lab: { ...lab, credential: { source: 'command', command } } },
    })
    const error: unknown = await (await sandbox.resolve()).password().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'EACSCREDENTIALCOMMAND', hints: ['vault is sealed', expect.anything()] })
    expect(JSON.stringify(error)).not.toContain('half-a-secret')
  })
})
