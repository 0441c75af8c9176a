import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/lib/config/config-file.js'
import { keepContext } from '../../../src/lib/config/keep-context.js'
import type { Context } from '../../../src/lib/config/schema.js'
import { keyringOf, useSandbox } from './sandbox.js'

const sandbox = useSandbox()
const keyring = { source: 'keyring' } as const
const ada: Context = { endpoint: 'https://lab:9440', username: 'ada', credential: keyring }

async function replace(wanted: Context, passwords: Record<string, string>) {
  const env = { ACS_CONFIG: sandbox.configFile }
  return keepContext(sandbox.configFile, 'lab', wanted, { replace: true, env, keyring: keyringOf(passwords) })
}

describe('the password in the keyring of a context that is replaced', () => {
  it('goes with its user', async () => {
    await sandbox.configure({ contexts: { lab: ada } })
    const passwords = { 'ada@lab:9440': 'old', 'bob@lab:9440': 'other' }
    const { forgotten } = await replace({ ...ada, username: 'bob' }, passwords)
    expect({ forgotten, passwords }).toEqual({ forgotten: true, passwords: { 'bob@lab:9440': 'other' } })
  })

  it('stays for the same user on the same endpoint, however that is written', async () => {
    await sandbox.configure({ contexts: { lab: { ...ada, endpoint: 'LAB' } } })
    const passwords = { 'ada@lab:9440': 'old' }
    const { context, forgotten } = await replace({ endpoint: 'https://lab:9440', username: 'ada' }, passwords)
    expect({ forgotten, passwords }).toEqual({ forgotten: false, passwords: { 'ada@lab:9440': 'old' } })
    expect(context).toEqual(ada)
    expect((await readConfig(sandbox.configFile)).contexts).toEqual({ lab: ada })
  })

  it('stays while another context uses it', async () => {
    await sandbox.configure({ contexts: { lab: ada, again: structuredClone(ada) } })
    const passwords = { 'ada@lab:9440': 'old' }
    expect(await replace({ ...ada, username: 'bob' }, passwords)).toMatchObject({ forgotten: false })
    expect(passwords).toEqual({ 'ada@lab:9440': 'old' })
  })

  it('is no hindrance when the endpoint was none', async () => {
    await sandbox.configure({ contexts: { lab: { ...ada, endpoint: 'http://no' } } })
    const { config } = await replace(ada, {})
    expect(config.contexts).toEqual({ lab: ada })
  })
})
