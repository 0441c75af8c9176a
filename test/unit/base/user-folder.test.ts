import { homedir } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { userFolder } from '../../../src/lib/base/user-folder.js'
import { defaultRuntimeFolder, defaultStateFolder } from '../../../src/lib/host/roots.js'
import { defaultDataFolder } from '../../../src/lib/sim/data-folder.js'

const home = { HOME: '/home/ada' }

describe('the folder of a user', () => {
  it.each([
    ['config', home, '/home/ada/.config/acs'],
    ['data', home, '/home/ada/.local/share/acs'],
    ['state', home, '/home/ada/.local/state/acs'],
    ['state', { ...home, XDG_STATE_HOME: '/elsewhere' }, '/elsewhere/acs'],
    ['data', { ...home, XDG_DATA_HOME: 'relative' }, '/home/ada/.local/share/acs'],
    ['config', { ...home, XDG_CONFIG_HOME: '' }, '/home/ada/.config/acs'],
    ['config', { HOME: '' }, `${homedir()}/.config/acs`],
  ] as const)('for %s with %j is %s', (kind, env, folder) => {
    expect(userFolder(kind, env)).toBe(folder)
  })
})

describe("this machine's folders", () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  it.each([
    ['root', 0, '/var/lib/acs', '/var/lib/acs/sim'],
    ['a user', 1000, '/home/ada/.local/state/acs', '/home/ada/.local/share/acs/sim'],
  ])('are of %s', (_who, uid, state, simulator) => {
    vi.spyOn(process, 'getuid').mockReturnValue(uid)
    vi.stubEnv('HOME', '/home/ada')
    for (const name of ['ACS_STATE_DIR', 'ACS_RUN_DIR', 'XDG_STATE_HOME', 'XDG_DATA_HOME']) vi.stubEnv(name, '')
    expect(defaultStateFolder()).toBe(state)
    expect(defaultDataFolder()).toBe(simulator)
    expect(defaultRuntimeFolder()).toBe('/run/acs')
    vi.stubEnv('ACS_STATE_DIR', '/state')
    vi.stubEnv('ACS_RUN_DIR', '/run/other')
    expect([defaultStateFolder(), defaultRuntimeFolder()]).toEqual(['/state', '/run/other'])
  })
})
