import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'
import type { CheckReport } from '../../../../src/lib/plugin/check/run.js'
import { requirement } from '../../../requirements.js'
import { acs, startAcs } from '../../cli/acs.js'
import { startCheckLab, type CheckLab } from './lab.js'
import type { Fault } from './faults.js'

let lab: CheckLab | undefined
afterEach(async () => {
  await lab?.close()
  lab = undefined
})

const start = async (fault?: Fault, mountMs?: number): Promise<string> => {
  lab = await startCheckLab({ ...(fault ? { fault } : {}), ...(mountMs === undefined ? {} : { mountMs }) })
  return lab.socketPath
}
const quick = ['--idle', '100ms']
const document = (
  stdout: string,
): { result: CheckReport; error: { code: string; hints: string[]; details: Record<string, unknown> } } =>
  JSON.parse(stdout) as ReturnType<typeof document>

describe('acs plugin check', () => {
  it('tells people what holds, and ends with 0 when all that is required does', async () => {
    const { code, stdout, stderr } = await acs(['plugin', 'check', await start(), ...quick])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^pass {2}activate\.implements {8}Activate with an empty body/)
    expect(stdout).toMatch(/\nskip {2}restart\.returns .*\n {6}needs --restart COMMAND\n/)
    const restarts = allChecks.filter(({ uses = [] }) => uses.includes('restart')).length
    const passed = allChecks.length - restarts
    expect(stdout).toMatch(
      new RegExp(
        `\\n${allChecks.length} checks in [\\d.]+ s: ${passed} passed, 0 failed, 0 warned, ${restarts} skipped\\n$`,
      ),
    )
  })

  it('ends with 1 when something required does not hold, and shows the exchange and the reason', async () => {
    const { code, stdout } = await acs(['plugin', 'check', await start('create-not-idempotent'), '--only', 'create'])
    expect(code).toBe(1)
    const [, text = ''] = /\n(FAIL {2}create\.idempotent [^]*?)\n(?:pass|skip)/.exec(stdout) ?? []
    expect(
      text.split('\n').map((line) =>
        line
          .trim()
          .replace(/acs-check-[0-9a-f]{6}-\d+/g, 'NAME')
          .replace(/\d+ ms/, 'MS'),
      ),
    ).toEqual([
      'FAIL  create.idempotent          Create of a volume that exists succeeds',
      'Create of a volume that exists failed: HTTP 500 "volume NAME exists"',
      '> POST /VolumeDriver.Create {"Name":"NAME","Opts":{}}',
      '< 500 {"Err":"volume NAME exists"}  (MS)',
      expect.stringMatching(/^Why: dockerd calls Create whenever/) as string,
      expect.stringMatching(/^Source: moby daemon\/volume\/service\/store\.go/) as string,
    ])
  })

  it('ends with 0 when only something recommended does not', async () => {
    const { code, stdout } = await acs([
      'plugin',
      'check',
      await start('ignores-unknown-options'),
      '--only',
      'create.*',
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/\nwarn {2}create\.unknown-option /)
    expect(stdout).toMatch(/ 0 failed, 1 warned, /)
  })

  it('--json has the whole report, failed or not', async () => {
    const { code, stdout, stderr } = await acs([
      'plugin',
      'check',
      await start('created-at-empty'),
      '--json',
      ...quick,
      '--only',
      '*.created-at',
    ])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    const { result } = document(stdout)
    expect(result).toMatchObject({
      socket: lab?.socketPath,
      spokenAs: 'docker',
      leftBehind: [],
      summary: { pass: 0, fail: 2, warn: 0, skip: 0 },
    })
    expect(result.results[0]).toMatchObject({
      id: 'get.created-at',
      severity: 'must',
      status: 'fail',
      message: 'CreatedAt is no RFC 3339 time but ""',
    })
    const decisive = result.results[0]?.evidence.find((exchange) => exchange.decisive)
    expect(decisive).toMatchObject({
      call: 'VolumeDriver.Get',
      status: 200,
      body: expect.stringContaining('"CreatedAt":""') as string,
    })
    expect(result.timings.map(({ call }) => call)).toContain('VolumeDriver.Get')
  })

  it('--tap is a TAP stream: what is recommended is TODO, what does not apply SKIP', async () => {
    const args = [
      '--tap',
      '--only',
      'create',
      '--only',
      'restart.returns',
      '--only',
      'names.get-empty',
      '--only',
      'unmount.docker-cp',
    ]
    const { code, stdout } = await acs(['plugin', 'check', await start('keeps-ids-as-a-set'), ...args])
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    const count = allChecks.filter(({ id }) =>
      /^create\.|^(restart\.returns|names\.get-empty|unmount\.docker-cp)$/.test(id),
    ).length
    expect(lines.slice(0, 2)).toEqual(['TAP version 13', `1..${count}`])
    const points = lines.filter((line) => /^(not )?ok /.test(line))
    expect(points.map((line) => Number(/^(?:not )?ok (\d+)/.exec(line)?.[1]))).toEqual(
      points.map((_, index) => index + 1),
    )
    expect(points).toHaveLength(count)
    expect(points.filter((line) => line.startsWith('not ok'))).toEqual([expect.stringMatching(/ # TODO recommended/)])
    expect(points.filter((line) => line.includes(' # SKIP '))).toEqual([expect.stringContaining('restart.returns')])
  })

  it.skipIf(!requirement('TAP as prove reads it', [{ tool: 'prove' }]))(
    'prove reads it, and judges as acs does',
    async () => {
      for (const [fault, wanted] of [
        ['keeps-ids-as-a-set', 0],
        ['create-not-idempotent', 1],
      ] as const) {
        const socket = await start(fault)
        const { code, stdout } = await acs(['plugin', 'check', socket, '--tap', ...quick])
        const file = join(lab?.folder ?? '', 'check.tap')
        await writeFile(file, stdout)
        const prove = spawnSync('prove', ['--exec', 'cat', file], { encoding: 'utf8' })
        expect([code, prove.status], prove.stdout + prove.stderr).toEqual([wanted, wanted])
        expect(prove.stdout).toContain(`Tests=${allChecks.length},`)
        expect(prove.stdout).not.toContain('Parse errors')
        await lab?.close()
      }
    },
  )

  it('-o name prints the failed ones', async () => {
    const { code, stdout } = await acs([
      'plugin',
      'check',
      await start('status-is-a-list'),
      '-o',
      'name',
      '--only',
      '*.status',
    ])
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'get.status\nlist.status\n' })
  })

  it('lists its checks, without a socket', async () => {
    const { code, stdout } = await acs(['plugin', 'check', '--list', '--json', '--skip', 'transport'])
    expect(code).toBe(0)
    const listed = (JSON.parse(stdout) as { result: { id: string }[] }).result.map(({ id }) => id)
    expect(listed).toEqual(allChecks.map(({ id }) => id).filter((id) => !id.startsWith('transport.')))
  })

  it.each([
    [[], 'EACSMISSING'],
    [['nutanix', '--only', 'nothing'], 'EACSUSAGE'],
    [['nutanix', '--only', 'mount', '--skip', 'mount'], 'EACSUSAGE'],
    [['nutanix', '--create-option', 'size'], 'EACSUSAGE'],
    [['nutanix', '--prefix', '../x'], 'EACSUSAGE'],
    [['nutanix', '--tap', '-o', 'name'], 'EACSUSAGE'],
  ])('%j is a wrong command line', async (args, wanted) => {
    const { code, stderr } = await acs(['plugin', 'check', ...args])
    expect({ code, error: /^Error \((\w+)\)/.exec(stderr)?.[1] }).toEqual({ code: 2, error: wanted })
  })

  it('sends the options that the plugin wants, and keeps secrets among them out of what it prints', async () => {
    const socket = await start()
    const secret = 'hunter2-marker'
    const { stdout } = await acs([
      'plugin',
      'check',
      socket,
      '--json',
      '--only',
      'create.new',
      '--create-option',
      'size=1G',
      '--create-option',
      `chapSecret=${secret}`,
    ])
    const { result } = document(stdout)
    // This plugin knows no such option; the point is what was sent.
    expect(result.results[0]).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('unknown option') as string,
    })
    expect(result.results[0]?.evidence[0]?.request).toMatch(/"Opts":\{"size":"1G","chapSecret":/)
    expect(stdout).not.toContain(secret)
  })

  it('finds a plugin by its name where dockerd does', async () => {
    const { code, stderr } = await acs(['plugin', 'check', 'acs-no-such-plugin'])
    expect(code).toBe(6)
    expect(stderr).toContain('/run/docker/plugins/acs-no-such-plugin.sock')
  })

  it('ends with 6 when the socket is of a process that is gone', async () => {
    const socket = await start()
    await lab?.plugin.stop()
    const dead = createDeadSocket(socket)
    await dead
    const { code, stdout } = await acs(['plugin', 'check', socket, '--json'])
    expect(code).toBe(6)
    expect(document(stdout).error).toMatchObject({ code: 'EACSPLUGINUNREACHABLE', details: { socket } })
  })
})

describe('a run that does not come to its end', () => {
  it('removes its volumes after Ctrl-C', async () => {
    const socket = await start(undefined, 1_500)
    const run = startAcs(['plugin', 'check', socket, '--tap', '--only', 'mount'])
    // In the middle of a Mount.
    await until(() => (lab?.plugin.mountsBegun() ?? 0) > 0)
    run.process.kill('SIGINT')
    const { code, stdout, stderr } = await run.ended
    expect(code).toBe(130)
    expect(stdout).toMatch(/\nBail out! interrupted while /)
    expect(stderr).toContain('EACSINTERRUPTED')
    expect(lab?.plugin.volumes()).toEqual([])
  })

  it('removes them when its time is up, and has the results so far', async () => {
    const socket = await start(undefined, 400)
    const { code, stdout } = await acs([
      'plugin',
      'check',
      socket,
      '--json',
      '--only',
      'activate',
      '--only',
      'mount',
      '--timeout',
      '2s',
    ])
    expect(code).toBe(6)
    const { error } = document(stdout)
    expect(error).toMatchObject({ code: 'EACSTIMEOUT', details: { leftBehind: [] } })
    expect((error.details.results as { id: string }[])[0]).toMatchObject({ id: 'activate.implements', status: 'pass' })
    expect(lab?.plugin.volumes()).toEqual([])
  })

  it('says when a check has killed the plugin, and asks it for nothing more', async () => {
    lab = await startCheckLab({ fault: 'dies-of-bad-json' })
    const report = await lab.check({ timing: { returnMs: 300, pausesMs: [] } })
    const [first, ...later] = report.results.slice(report.results.findIndex(({ status }) => status === 'fail'))
    expect(first).toMatchObject({
      id: 'body.invalid-json',
      message: expect.stringMatching(/does not answer any more$/) as string,
    })
    expect(new Set(later.map(({ status, message }) => `${status}: ${message ?? ''}`))).toEqual(
      new Set(['skip: the plugin has not answered since body.invalid-json']),
    )
  })
})

describe('--restart', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ckr-'))
  })
  afterEach(async () => {
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '0'))
    if (pid > 0) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  /** A command that ends the process of before, if any, and leaves a new one behind, as a service manager does. */
  async function restartCommand(fault = ''): Promise<{ socket: string; command: string }> {
    const socket = join(folder, 'p.sock')
    const program = fileURLToPath(new URL('reference-process.ts', import.meta.url))
    const script = join(folder, 'restart.sh')
    await writeFile(
      script,
      [
        `[ ! -f ${folder}/pid ] || kill $(cat ${folder}/pid) || exit 3`,
        `${process.execPath} --import tsx ${program} ${socket} ${folder} ${fault} &`,
        `echo $! > ${folder}/pid`,
        '',
      ].join('\n'),
    )
    return { socket, command: `sh ${script}` }
  }

  async function begin(command: string, socket: string): Promise<void> {
    const { runRestartCommand } = await import('../../../../src/lib/plugin/check/restart-command.js')
    const { deadlineIn } = await import('../../../../src/lib/base/deadline.js')
    await runRestartCommand(command, deadlineIn(20_000))
    await until(async () => (await acs(['plugin', 'check', socket, '--only', 'activate.implements'])).code === 0)
  }

  it('runs a command that leaves the plugin in the background, and checks what survived', async () => {
    const { socket, command } = await restartCommand()
    await begin(command, socket)
    const { code, stdout } = await acs(['plugin', 'check', socket, '--restart', command, '--only', 'restart', '--json'])
    const { result } = document(stdout)
    expect(result.results.filter(({ status }) => status !== 'pass')).toEqual([])
    expect({ code, passed: result.summary.pass }).toEqual({ code: 0, passed: 7 })
  })

  it('finds a plugin that forgets its volumes', async () => {
    const { socket, command } = await restartCommand('forgets-volumes-on-restart')
    await begin(command, socket)
    const { code, stdout } = await acs([
      'plugin',
      'check',
      socket,
      '--restart',
      command,
      '--only',
      'restart',
      '-o',
      'name',
    ])
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'restart.volumes\n' })
  })

  it('tells the words of a command that fails', async () => {
    const socket = await start()
    const { code, stdout } = await acs([
      'plugin',
      'check',
      socket,
      '--restart',
      'echo no such unit >&2; exit 5',
      '--only',
      'restart',
    ])
    expect(code).toBe(1)
    expect(stdout).toContain('the restart command ended with code 5: no such unit')
  })
})

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A socket file that nobody listens on: node removes its own when it closes, a killed process does not. */
async function createDeadSocket(path: string): Promise<void> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve))
  const { rename } = await import('node:fs/promises')
  await rename(`${path}.live`, path)
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
