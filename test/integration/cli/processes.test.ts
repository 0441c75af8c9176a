import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requirement } from '../../requirements.js'
import { acs, projectRoot, startAcs } from './acs.js'

/** Accepts and never says a word: a cluster that hangs. */
let silent: Server
let connected: Promise<void>
const sockets = new Set<Socket>()

beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  silent.close()
})

function hanging(extra: string[] = []) {
  connected = new Promise((resolve) => silent.once('connection', () => resolve()))
  const { port } = silent.address() as AddressInfo
  return startAcs(
    ['cluster', 'show', '--endpoint', `127.0.0.1:${port}`, '--username', 'admin', '--password-stdin', ...extra],
    {},
    'secret\n',
  )
}

describe('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s in the middle of a call ends it with %d', async (signal, code) => {
    const running = hanging()
    await connected
    running.process.kill(signal)
    const outcome = await running.ended
    expect(outcome.code).toBe(code)
    expect(outcome.stderr).toContain('Error (EACSINTERRUPTED)')
    expect(outcome.stdout).toBe('')
  })

  test('with --json an interruption is a document too', async () => {
    const running = hanging(['--json'])
    await connected
    running.process.kill('SIGINT')
    const outcome = await running.ended
    expect(outcome.code).toBe(130)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code: 'EACSINTERRUPTED', exitCode: 130 } })
  })
})

describe('on a terminal', () => {
  // script(1) of util-linux gives acs a terminal; the answers are typed through its standard input.
  const asked = (answer: string, ...args: string[]) => {
    const line = ['node', 'bin/run.js', ...args, '--endpoint', '127.0.0.1:1', '--username', 'admin'].join(' ')
    const typed = `(sleep 2; printf '${answer}') | script -qec '${line}' /dev/null; echo "exit $?"`
    return promisify(execFile)('bash', ['-c', typed], {
      cwd: projectRoot,
      env: { PATH: process.env.PATH, TERM: 'xterm', ACS_CONFIG: '/nonexistent/config.yaml', NO_COLOR: '1' },
    })
  }
  const may = requirement('questions on a terminal', [{ tool: 'script' }])

  test.skipIf(!may)('the password is asked for and not shown', async () => {
    const { stdout } = await asked('hunter2\\r', 'cluster', 'show')
    expect(stdout).toContain('Password of admin on 127.0.0.1:1:')
    expect(stdout).not.toContain('hunter2')
    // Past the question: nothing listens at port 1.
    expect(stdout).toContain('EACSUNREACHABLE')
    expect(stdout).toContain('exit 6')
  })

  test.skipIf(!may)('Ctrl-C at a question is an interruption', async () => {
    const { stdout } = await asked('\\003', 'cluster', 'show')
    expect(stdout).toContain('EACSINTERRUPTED')
    expect(stdout).toContain('exit 130')
  })

  test.skipIf(!may)('--no-input asks nothing', async () => {
    const { stdout } = await asked('', 'cluster', 'show', '--no-input')
    expect(stdout).toContain('EACSNOPASSWORD')
    expect(stdout).toContain('exit 4')
  })
})

test('--timeout ends a call with 6', async () => {
  const started = performance.now()
  const outcome = await hanging(['--timeout', '500ms']).ended
  expect(outcome.code).toBe(6)
  expect(performance.now() - started).toBeLessThan(5000)
})

describe('work that nothing will ever finish', () => {
  const stuck = (...args: string[]) => {
    const argv = JSON.stringify(['volume', 'list', ...args])
    const script = `
      const program = require('./bin/load-bundle.js').loadBundle(process.cwd() + '/dist/acs.cjs').exports
      program.main(${argv}, { root: process.cwd(), load: () => ({ run: () => new Promise(() => {}) }) })`
    return promisify(execFile)(process.execPath, ['-e', script], { cwd: projectRoot })
  }

  test('is a defect, not a success', async () => {
    await expect(stuck()).rejects.toMatchObject({
      code: 10,
      stdout: '',
      stderr: expect.stringMatching(/Error \(EACSBUG\): .*never come; this is a bug in acs/) as string,
    })
  })

  test('is a document with --json', async () => {
    const failed = await stuck('--json').catch((error: unknown) => error as { code: number; stdout: string })
    expect(failed).toMatchObject({ code: 10 })
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: 'EACSBUG', exitCode: 10 } })
  })
})

test('a reader that goes away is no error', async () => {
  const script = `node bin/run.js completion bash | head -1; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], { cwd: projectRoot })
  expect(stdout.trim().split('\n').at(-1)).toBe('0')
  expect(stderr).toBe('')
})

describe('the bundle', () => {
  test('starts without its code cache, makes it again, and survives a broken one', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'acs-bundle-'))
    try {
      for (const folder of ['bin', 'dist']) mkdirSync(join(copy, folder))
      for (const file of [
        'bin/run.js',
        'bin/load-bundle.js',
        'bin/package.json',
        'dist/acs.cjs',
        'package.json',
        'oclif.manifest.json',
      ])
        copyFileSync(join(projectRoot, file), join(copy, file))
      const version = async () =>
        (await promisify(execFile)(process.execPath, [join(copy, 'bin/run.js'), '--version'])).stdout
      const caches = () => readdirSync(join(copy, 'dist')).filter((name) => name !== 'acs.cjs')

      const expected = (await acs(['--version'])).stdout
      expect(await version()).toBe(expected)
      expect(caches()).toHaveLength(1)
      writeFileSync(join(copy, 'dist', caches()[0]!), 'not a cache')
      expect(await version()).toBe(expected)
      expect(caches()).toEqual([expect.stringMatching(/^acs\.cjs\.[0-9a-f]{16}\.[\d.]+.*\.cache$/)])
      expect(await version()).toBe(expected)
    } finally {
      rmSync(copy, { recursive: true })
    }
  })

  test('says so when it is not built', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'acs-bundle-'))
    try {
      mkdirSync(join(copy, 'bin'))
      for (const file of ['run.js', 'load-bundle.js', 'package.json'])
        copyFileSync(join(projectRoot, 'bin', file), join(copy, 'bin', file))
      await expect(promisify(execFile)(process.execPath, [join(copy, 'bin/run.js')])).rejects.toMatchObject({
        code: 10,
        stderr: expect.stringContaining('npm run build') as string,
      })
    } finally {
      rmSync(copy, { recursive: true })
    }
  })
})
