import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/lib/config/config-file.js'
import { startLab } from '../../integration/prism/simulated.js'
import { requirement } from '../../requirements.js'
import { keepFiles } from '../../secrets/evidence.js'

const repository = join(import.meta.dirname, '..', '..', '..')
const commandProcess = fileURLToPath(new URL('./command-process.ts', import.meta.url))
const available = requirement('first use on a terminal', [{ tool: 'script' }])

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'acs-first-use-'))
})
afterEach(() => {
  keepFiles(folder)
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a command on a terminal of its own and types an answer to each question as it comes. */
async function onTerminal(command: string, answers: readonly [question: RegExp, answer: string][]): Promise<string> {
  const child = spawn('script', ['-qefc', `node --import tsx ${commandProcess} ${command}`, '/dev/null'], {
    cwd: repository,
    env: { PATH: process.env.PATH, HOME: folder, TERM: 'xterm', ACS_CONFIG: join(folder, 'config.yaml') },
  })
  let shown = ''
  const left = [...answers]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    const next = left[0]
    if (next?.[0].test(shown)) {
      left.shift()
      child.stdin.write(next[1])
    }
  })
  const patience = setTimeout(() => child.kill(), 60_000)
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(patience)
  return shown
}

describe.skipIf(!available)('the first use of a cluster, on a terminal', () => {
  it('shows the fingerprint, and pins it after a yes', async () => {
    const { sim } = await startLab()
    const command = `context:add lab --endpoint ${sim.endpoint} --username admin`
    const shown = await onTerminal(command, [[/y\/N/, 'y\r']])
    expect(shown).toContain(`SHA-256      ${sim.fingerprint}`)
    expect((await readConfig(join(folder, 'config.yaml'))).contexts).toMatchObject({
      lab: { fingerprint: sim.fingerprint },
    })
  })

  it('changes nothing after a no', async () => {
    const { sim } = await startLab()
    const command = `context:add lab --endpoint ${sim.endpoint} --username admin`
    const shown = await onTerminal(command, [[/y\/N/, 'n\r']])
    expect(shown).toContain('nothing was changed')
    expect((await readConfig(join(folder, 'config.yaml'))).contexts).toEqual({})
  })

  it('asks for what was not given, and for the password without showing it', async () => {
    const { sim, password } = await startLab()
    const added = await onTerminal('context:add lab', [
      [/Prism Element/, `${sim.endpoint}\r`],
      [/User:/, '\r'],
      [/y\/N/, 'y\r'],
    ])
    expect(added).toContain('acs login')
    const shown = await onTerminal('login --credential file', [[/Password of admin/, `${password}\r`]])
    expect(shown).toContain('Logged in to lab')
    expect(shown).not.toContain(password)
    expect((await readConfig(join(folder, 'config.yaml'))).contexts).toMatchObject({
      lab: { username: 'admin', credential: { source: 'file', path: join(folder, 'credentials', 'lab') } },
    })
  })
})
