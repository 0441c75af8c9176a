import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readPluginSettings } from '../../../src/lib/plugin/settings.js'
import { temporaryFolder } from '../volume/fake-context.js'

describe("a managed plugin's settings", () => {
  let folder: string
  let file: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-settings-'))
    file = join(folder, 'plugin.yaml')
    vi.stubEnv('ACS_PLUGIN_FOLDER', '/mnt/managed')
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  })

  it('mount where Docker looks', async () => {
    await writeFile(file, 'linger: 1s\n')
    expect(await readPluginSettings(file)).toMatchObject({ mountFolder: '/mnt/managed', lingerMs: 1000 })
    await writeFile(file, 'mountFolder: /mnt/managed\n')
    expect(await readPluginSettings(file)).toMatchObject({ mountFolder: '/mnt/managed' })
    vi.stubEnv('ACS_PLUGIN_FOLDER', '')
    await writeFile(file, 'mountFolder: /srv/volumes\n')
    expect(await readPluginSettings(file)).toMatchObject({ mountFolder: '/srv/volumes' })
  })

  it('refuse another place, where containers would find nothing', async () => {
    await writeFile(file, 'mountFolder: /srv/volumes\n')
    await expect(readPluginSettings(file)).rejects.toMatchObject({
      code: 'EACSPLUGINCONFIG',
      message: expect.stringContaining('/mnt/managed only') as string,
    })
  })
})

describe('a file of settings that cannot be used', () => {
  it.each([
    ['ligner: 1s\n', 'ligner: there is no such setting'],
    ['show: some\n', 'show: expected ("ours" | "all")'],
    ['- linger\n', '0: there is no such setting'],
    ['linger: [\n', 'Flow sequence in block collection'],
  ])('%j: %s', async (text, why) => {
    const folder = await temporaryFolder()
    const file = join(folder, 'plugin.yaml')
    expect((await readPluginSettings(file)).lingerMs).toBe(20_000)
    await writeFile(file, text)
    await expect(readPluginSettings(file)).rejects.toMatchObject({
      code: 'EACSPLUGINCONFIG',
      message: expect.stringContaining(`${file} cannot be used: ${why}`) as string,
    })
  })
})
