import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { acs, projectRoot } from './acs.js'

const folder = mkdtempSync(join(tmpdir(), 'acs-surroundings-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([['help exit-codes'], ['completion bash --json']])(
  'a full disk behind "acs %s >" is no defect of acs',
  (args) => {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', `exec node bin/run.js ${args} > /dev/full`], {
      cwd: projectRoot,
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('EACSOUTPUT') as string })
  },
)

test('flags without a command', async () => {
  const { code, stderr } = await acs(['--password', 'hunter2', 'volume', 'list'])
  expect(code).toBe(2)
  expect(stderr).toContain('A command comes first')
  expect(stderr).not.toContain('hunter2')
})

test('a folder in place of the configuration', async () => {
  const { code, stderr } = await acs(['context', 'list'], { ACS_CONFIG: folder })
  expect(code).toBe(2)
  expect(stderr).toContain(`${folder} cannot be used: EISDIR`)
})

test('a file that is no configuration is not shown: it may be a password', async () => {
  const path = join(folder, 'password')
  writeFileSync(path, 'hunter2\n', { mode: 0o600 })
  const { code, stderr } = await acs(['context', 'list'], { ACS_CONFIG: path })
  expect(code).toBe(2)
  expect(stderr).toContain('EACSCONFIG')
  expect(stderr).not.toContain('hunter2')
})

test('a configuration that cannot be written, and which place is meant', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const added = ['context', 'add', 'a', '--endpoint', 'h', '--username', 'u', '--fingerprint', 'AB'.repeat(32)]
  const { code, stderr } = await acs(added, { ACS_CONFIG: join(file, 'config.yaml') })
  expect(code).toBe(2)
  expect(stderr).toContain('EACSCONFIG')
  expect(stderr).toContain('ACS_CONFIG_HOME')
})

test('a configuration where no folder can be made, which is said and not tried for ever', async () => {
  const added = ['context', 'add', 'a', '--endpoint', 'h', '--username', 'u', '--fingerprint', 'AB'.repeat(32)]
  const { code, stderr } = await acs(added, { ACS_CONFIG: '', ACS_CONFIG_HOME: '/proc/x' })
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('EACSCONFIG') as string })
  expect(stderr).toContain('the folder /proc/x cannot be made: ENOENT')
  expect(stderr).toContain('Another place for it: ACS_CONFIG or ACS_CONFIG_HOME')
})

test('a simulator where no folder can be made', async () => {
  const { code, stderr } = await acs(['sim', 'start', '--data', '/proc/x/sim'])
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('Error (EACSFOLDER)') as string })
})

test('a filter that matches none does not say that there are none', async () => {
  const home = join(folder, 'config')
  mkdirSync(home)
  const path = join(home, 'config.yaml')
  writeFileSync(path, 'contexts: {lab: {endpoint: h}}')
  chmodSync(path, 0o600)
  const { stderr } = await acs(['context', 'list', '--filter', 'name=x'], { ACS_CONFIG: path })
  expect(stderr).toBe('None of 1 matches.\n')
  expect((await acs(['context', 'list', '--limit', '0'], { ACS_CONFIG: path })).stderr).toBe('')
})
