import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/lib/config/config-file.js'
import { addContext, removeContext, useContext } from '../../../src/lib/config/contexts.js'
import { configFile } from '../../../src/lib/config/paths.js'
import { useSandbox } from './sandbox.js'

const sandbox = useSandbox()
const lab = { endpoint: 'https://lab:9440', username: 'ada', credential: { source: 'keyring' as const } }

describe('contexts', () => {
  it('are kept in a 0600 file in a 0700 folder', async () => {
    const path = join(sandbox.folder, 'new', 'acs', 'config.yaml')
    await addContext(path, 'lab', lab)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    expect(await readConfig(path)).toEqual({ current: 'lab', contexts: { lab } })
  })

  it('make the first one current, a later one only when asked', async () => {
    const path = sandbox.configFile
    await addContext(path, 'one', lab)
    expect((await addContext(path, 'two', lab)).current).toBe('one')
    expect((await addContext(path, 'three', lab, { use: true })).current).toBe('three')
    expect((await useContext(path, 'two')).current).toBe('two')
    expect(await removeContext(path, 'two')).toEqual({ current: undefined, contexts: { one: lab, three: lab } })
    expect(await readConfig(path)).toEqual({ current: undefined, contexts: { one: lab, three: lab } })
  })

  it('are not overwritten by accident', async () => {
    await addContext(sandbox.configFile, 'lab', lab)
    await expect(addContext(sandbox.configFile, 'lab', lab)).rejects.toMatchObject({
      code: 'EACSEXISTS',
      kind: 'conflict',
    })
    await addContext(sandbox.configFile, 'lab', { endpoint: 'https://x:9440' }, { replace: true })
    expect((await readConfig(sandbox.configFile)).contexts).toEqual({ lab: { endpoint: 'https://x:9440' } })
  })

  it('leave comments alone', async () => {
    await sandbox.write('config.yaml', '# mine\ncontexts:\n  old: # keep\n    endpoint: old\n')
    await addContext(sandbox.configFile, 'lab', lab)
    const text = await readFile(sandbox.configFile, 'utf8')
    expect(text).toContain('# mine')
    expect(text).toContain('# keep')
  })

  it.each(['', '../x', 'a/b', '-a', 'a b', '__proto__', 'x'.repeat(64), 'ü'])('refuse the name %j', async (name) => {
    await expect(addContext(sandbox.configFile, name, lab)).rejects.toMatchObject({ code: 'EACSCONTEXTNAME' })
  })

  it.each(['nope', 'constructor', 'toString'])('know that %s is none', async (name) => {
    await expect(useContext(sandbox.configFile, name)).rejects.toMatchObject({ code: 'EACSNOCONTEXT' })
  })
})

describe('config.yaml', () => {
  it.each([
    ['others can write it', 'contexts: {}', 0o622],
    ['not YAML', 'contexts: [', 0o600],
    ['unknown key', 'contests: {}', 0o600],
    ['a password in it', 'contexts: {a: {endpoint: x, password: y}}', 0o600],
    ['no endpoint', 'contexts: {a: {username: x}}', 0o600],
    ['odd credential', 'contexts: {a: {endpoint: x, credential: {source: magic}}}', 0o600],
  ])('is refused: %s', async (_what, text, mode) => {
    const path = await sandbox.write('config.yaml', text, mode)
    await expect(readConfig(path)).rejects.toMatchObject({ code: 'EACSCONFIG', details: { path } })
  })

  it.each(['', '# nothing yet\n', 'current: null\n', 'contexts:\n'])('may be empty: %j', async (text) => {
    expect(await readConfig(await sandbox.write('config.yaml', text))).toEqual({ current: undefined, contexts: {} })
  })

  it.each([
    [{ ACS_CONFIG: '/a/b.yaml', ACS_CONFIG_HOME: '/c' }, '/a/b.yaml'],
    [{ ACS_CONFIG_HOME: '/c', XDG_CONFIG_HOME: '/x' }, '/c/config.yaml'],
    [{ XDG_CONFIG_HOME: '/x', HOME: '/h' }, '/x/acs/config.yaml'],
    [{ XDG_CONFIG_HOME: 'relative', HOME: '/h' }, '/h/.config/acs/config.yaml'],
  ])('is found by %j', (env, path) => {
    expect(configFile(env)).toBe(path)
  })
})
