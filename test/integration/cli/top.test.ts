import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { volumeStatus } from '../../unit/plugin/driver-statuses.js'
import { requirement } from '../../requirements.js'
import { socketPath, startServe, type Running } from '../plugin/serve-lab.js'
import { temporaryFolder } from '../plugin/server-lab.js'
import { acs, startAcs } from './acs.js'
import { runOnTerminal, type TerminalRun } from './terminal-run.js'

interface Lab {
  env: { ACS_RUN_DIR: string; ACS_STATE_DIR: string }
  plugin: Running
}

const volumes = ['alpha', 'beta', 'gamma'].map((name, index) =>
  volumeStatus({ name, usedBytes: (index + 1) * 100, availableBytes: 900, device: null, deviceNumber: null }),
)

/** A plugin that tells of three volumes. */
async function lab(): Promise<Lab> {
  const runtimeFolder = join(await temporaryFolder(), 'run')
  const socket = await socketPath()
  const plugin = await startServe({ socket, runtimeFolder, status: { volumes } })
  await plugin.says('making')
  const env = { ACS_RUN_DIR: runtimeFolder, ACS_STATE_DIR: join(runtimeFolder, 'state') }
  await eventually(() => acs(['plugin', 'status'], env).then(({ code }) => code)).toBe(0)
  return { env, plugin }
}

/** This machine may be busy. */
const eventually = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: 30_000, interval: 50 })

const rowsOf = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /^(alpha|beta|gamma) /.exec(line)?.[1] ?? [])

describe('without a terminal', () => {
  test('prints one frame, and ends', async () => {
    const { env } = await lab()
    const { code, stdout, stderr } = await acs(['top', '--interval', '100ms', '--sort', 'used'], env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('plugin lab ready, acs 1.2.3')
    expect(rowsOf(stdout.split('\n'))).toEqual(['gamma', 'beta', 'alpha'])
    expect(stdout).not.toContain('\u001B')
    expect((await acs(['top', '--interval', '100ms', '-o', 'name'], env)).stdout).toBe('alpha\nbeta\ngamma\n')
  })

  test('JSON is one document, and with --frames a line for each', async () => {
    const { env } = await lab()
    const one = await acs(['top', '--interval', '100ms', '--json'], env)
    expect(JSON.parse(one.stdout)).toMatchObject({
      result: {
        plugin: { name: 'lab' },
        volumes: [{ name: 'alpha', usedShare: 0.1 }, { name: 'beta' }, { name: 'gamma' }],
      },
      warnings: [],
    })
    const some = await acs(['top', '--interval', '100ms', '--json', '--frames', '3'], env)
    const lines = some.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ result: { plugin: { callsPerSecond: 0 } } })
    const yaml = await acs(['top', '--interval', '100ms', '-o', 'yaml', '--frames', '2'], env)
    expect(yaml.stdout.match(/^---$/gm)).toHaveLength(2)
  })

  test('goes on until it is interrupted, and says when the plugin is gone', async () => {
    const { env, plugin } = await lab()
    const top = startAcs(['top', '--interval', '100ms', '--json', '--frames', '0'], env)
    let output = ''
    top.process.stdout?.on('data', (text: string) => (output += text))
    await eventually(() => output).toContain('"plugin": {"name": "lab"')
    plugin.child.kill('SIGKILL')
    await eventually(() => output).toContain('"plugin": null')
    top.process.kill('SIGINT')
    expect((await top.ended).code).toBe(130)
  })

  test('ends when nobody reads any more', async () => {
    const { env } = await lab()
    const top = startAcs(['top', '--interval', '100ms', '--frames', '0'], env)
    await new Promise((resolve) => top.process.stdout?.once('data', resolve))
    top.process.stdout?.destroy()
    expect(await top.ended).toMatchObject({ code: 0, stderr: '' })
  })

  test('without any plugin shows what is attached: nothing', async () => {
    const folder = await temporaryFolder()
    const { code, stdout } = await acs(['top', '--once', '--interval', '100ms'], {
      ACS_RUN_DIR: folder,
      ACS_STATE_DIR: folder,
    })
    expect(code).toBe(0)
    expect(stdout).toContain('no volume plugin runs here')
    expect(stdout).toContain('no volume is in use here')
  })

  test.each([
    [['--interval', '10ms'], 'EACSDURATION'],
    [['--sort', 'colour'], 'EACSFLAGVALUE'],
    [['--frames', '-1'], 'EACSFLAGVALUE'],
    [['--once', '--frames', '2'], 'EACSUSAGE'],
  ])('refuses %j', async (args, code) => {
    const outcome = await acs(['top', ...args])
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toContain(code)
  })
})

const canTerminal = requirement('acs top on a terminal', [{ tool: 'python3' }])
describe.skipIf(!canTerminal)('on a terminal', () => {
  const enter = '\u001B[?1049h'
  const leave = '\u001B[?1049l'

  async function live(size?: { columns: number; rows: number }): Promise<Lab & { top: TerminalRun }> {
    const made = await lab()
    const top = runOnTerminal(['top', '--interval', '200ms'], made.env, size)
    await eventually(() => rowsOf(top.frame())).toEqual(['alpha', 'beta', 'gamma'])
    return { ...made, top }
  }

  /** The other screen is left, the cursor shown, lines wrap again; and nothing follows but what is given. */
  function expectLeft(top: TerminalRun, rest = ''): void {
    const output = top.output()
    expect(output.split(enter)).toHaveLength(2)
    expect(output.slice(output.indexOf('\u001B[?7h\u001B[?25h'))).toBe(`\u001B[?7h\u001B[?25h${leave}${rest}`)
  }

  test.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])('%s ends it with 0, and the terminal is as it was', async (_name, key) => {
    const { top } = await live()
    top.send(key)
    expect(await top.ended).toEqual({ code: 0, restored: true })
    expectLeft(top)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', -1],
  ] as const)('%s ends it with %i, and the terminal is as it was', async (signal, code) => {
    const { top } = await live()
    top.signal(signal)
    expect(await top.ended).toEqual({ code, restored: true })
    expect(top.output()).toContain(leave)
    expect(top.output().lastIndexOf(leave)).toBeGreaterThan(top.output().lastIndexOf('\u001B[H'))
  })

  test('sorts, reverses, and goes on looking', async () => {
    const { top } = await live()
    top.send('u')
    await eventually(() => rowsOf(top.frame())).toEqual(['gamma', 'beta', 'alpha'])
    top.send('u')
    await eventually(() => rowsOf(top.frame())).toEqual(['alpha', 'beta', 'gamma'])
    const before = top.output().length
    await eventually(() => top.output().length).toBeGreaterThan(before + 1_000)
    top.send('q')
    await top.ended
  })

  test('fits the terminal, also when that changes, and scrolls', async () => {
    const { top } = await live({ columns: 80, rows: 24 })
    expect(top.frame()).toHaveLength(24)
    expect(Math.max(...top.frame().map((line) => line.length))).toBeLessThanOrEqual(80)
    top.resize(50, 8)
    await eventually(() => top.frame().length).toBe(8)
    expect(Math.max(...top.frame().map((line) => line.length))).toBeLessThanOrEqual(50)
    expect(rowsOf(top.frame())).toEqual(['alpha'])
    top.send('\u001B[B')
    await eventually(() => rowsOf(top.frame())).toEqual(['beta'])
    top.resize(120, 40)
    await eventually(() => top.frame().length).toBe(40)
    expect(rowsOf(top.frame())).toEqual(['alpha', 'beta', 'gamma'])
    top.send('q')
    expect(await top.ended).toEqual({ code: 0, restored: true })
  })

  test('Ctrl-Z where there is no shell goes on', async () => {
    const { top } = await live()
    top.send('\u001A')
    await eventually(() => top.output().split(enter).length).toBe(3)
    expect(rowsOf(top.frame())).toHaveLength(3)
    top.send('q')
    expect(await top.ended).toEqual({ code: 0, restored: true })
  })

  test('goes on when the plugin has ended', async () => {
    const { top, plugin } = await live()
    plugin.child.kill('SIGKILL')
    await eventually(() => top.frame().join('\n')).toContain('no volume plugin runs here')
    top.send('q')
    expect(await top.ended).toEqual({ code: 0, restored: true })
  })

  test('an error leaves the terminal before it is told', async () => {
    const { env } = await lab()
    const top = runOnTerminal(['top', '--interval', '200ms', '--timeout', '2s'], env)
    expect(await top.ended).toEqual({ code: 6, restored: true })
    const output = top.output()
    expect(output.indexOf('EACSTIMEOUT')).toBeGreaterThan(output.lastIndexOf(leave))
    expect(output).toContain(enter)
  })

  test('without colours where they are not wanted, and no live view on a dumb terminal', async () => {
    const { env } = await lab()
    const top = runOnTerminal(['top', '--no-color', '--interval', '200ms'], env)
    await eventually(() => rowsOf(top.frame())).toHaveLength(3)
    top.send('q')
    await top.ended
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    expect(top.output()).not.toMatch(/\u001B\[[0-9;]*m/)
    const dumb = runOnTerminal(['top', '--interval', '200ms'], { ...env, TERM: 'dumb' })
    expect(await dumb.ended).toEqual({ code: 0, restored: true })
    expect(dumb.output()).not.toContain('\u001B')
    expect(rowsOf(dumb.output().split(/\r*\n/))).toHaveLength(3)
  })
})
