import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { stopDaemon } from '../../../src/lib/sim/daemon.js'
import { readRunning } from '../../../src/lib/sim/folder-claim.js'
import { acs, type Outcome } from '../cli/acs.js'
import { connect } from './sim-client.js'

const free = ['--listen', '127.0.0.1:0', '--iscsi', '127.0.0.1:0']
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-sim-daemon-'))
})

afterEach(async () => {
  await stopDaemon(folder, deadlineIn(10_000))
  await rm(folder, { recursive: true, force: true })
})

function sim(...argv: string[]): Promise<Outcome> {
  return acs(['sim', ...argv], { ACS_SIM_DATA: folder })
}

describe('acs sim', () => {
  it('starts as a daemon, tells a shell how to use it, and stops', async () => {
    const started = await sim('start', '--detach', ...free)
    expect(started).toMatchObject({ code: 0 })
    const env = await sim('env')
    const lines = [...env.stdout.matchAll(/^export (\w+)='(.*)'$/gm)]
    const variables = Object.fromEntries(lines.map(([, name = '', value = '']): [string, string] => [name, value]))
    expect(Object.keys(variables)).toEqual([
      'ACS_ENDPOINT',
      'ACS_USERNAME',
      'ACS_PASSWORD_FILE',
      'ACS_CA_FILE',
      'ACS_DATA_SERVICES',
    ])
    const { ACS_ENDPOINT = '', ACS_USERNAME = '', ACS_PASSWORD_FILE = '', ACS_CA_FILE = '' } = variables
    expect((await stat(ACS_PASSWORD_FILE)).mode & 0o777).toBe(0o600)
    const client = await connect({
      endpoint: ACS_ENDPOINT,
      username: ACS_USERNAME,
      passwordFile: ACS_PASSWORD_FILE,
      certificateFile: ACS_CA_FILE,
    })
    expect((await client.get('/cluster')).body.name).toBe('acs-sim')
    client.close()

    const second = await sim('start', '--detach', ...free)
    expect(second).toMatchObject({ code: 5, stderr: expect.stringContaining('already uses') as string })
    expect((await sim('reset', '--yes')).code).toBe(5)

    expect((await sim('fault', 'add', 'status', '--value', '503', '--count', '2')).code).toBe(0)
    const faults = await sim('fault', 'list', '--json')
    expect(JSON.parse(faults.stdout)).toMatchObject({ result: [{ kind: 'status', value: 503, count: 2 }] })
    expect((await sim('fault', 'clear')).code).toBe(0)

    expect((await sim('status')).code).toBe(0)
    expect((await sim('stop')).code).toBe(0)
    expect((await sim('status')).code).toBe(3)
    expect((await sim('stop')).code).toBe(0)
    const log = (await readFile(join(folder, 'simulator.log'), 'utf8')).trim().split('\n')
    expect(log.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain('stopped')
    expect(log.join('\n')).not.toContain((await readFile(ACS_PASSWORD_FILE, 'utf8')).trim())
    expect((await sim('reset', '--yes')).code).toBe(0)
    await expect(stat(ACS_PASSWORD_FILE)).rejects.toThrow(/ENOENT/)
  })

  it('tells why it could not start', async () => {
    const answer = await sim('start', '--detach', '--listen', '203.0.113.1:0', '--iscsi', '127.0.0.1:0')
    expect(answer).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('203.0.113.1:0 is not an address of this machine') as string,
    })
  })

  it('never takes a stranger with an old number for its own', async () => {
    const stranger = {
      pid: process.pid,
      startTicks: 1,
      bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    }
    await writeFile(join(folder, 'running.json'), JSON.stringify(stranger))
    expect(await readRunning(folder)).toBeUndefined()
    expect(await stopDaemon(folder, deadlineIn(1000))).toBeUndefined()
  })

  it('refuses to forget a folder that is not its own', async () => {
    await writeFile(join(folder, 'thesis.txt'), 'mine')
    expect((await sim('reset', '--yes')).code).toBe(2)
    expect(await readFile(join(folder, 'thesis.txt'), 'utf8')).toBe('mine')
  })
})
