import { spawn, spawnSync } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { hideSecret } from '../../../src/lib/base/redact.js'
import { createLog, type LogLevel, type PluginLogFile } from '../../../src/lib/plugin/log.js'

async function openLog(
  level?: LogLevel,
): Promise<{ log: PluginLogFile; lines: () => Promise<Record<string, unknown>[]> }> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-log-'))
  const path = join(folder, 'log')
  const descriptor = openSync(path, 'w')
  onTestFinished(() => rm(folder, { recursive: true }))
  const log = createLog(level, descriptor)
  return {
    log,
    async lines() {
      await log.close()
      const text = readFileSync(path, 'utf8')
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
  }
}

test('lines are JSON, those from before it opened too, and children keep their fields', async () => {
  const { log, lines } = await openLog()
  log.info({ socket: '/p' }, 'early')
  await log.open()
  log.child({ requestId: 'r' }).child({ call: 'Mount' }).warn({ volume: 'db' }, 'late')
  expect(await lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      pid: process.pid,
      socket: '/p',
      msg: 'early',
    },
    {
      level: 'warn',
      time: expect.any(String) as string,
      pid: process.pid,
      requestId: 'r',
      call: 'Mount',
      volume: 'db',
      msg: 'late',
    },
  ])
})

test('the level can change while it runs', async () => {
  const { log, lines } = await openLog('warn')
  await log.open()
  log.info({}, 'not this')
  log.setLevel('debug')
  log.child({}).debug({}, 'this')
  log.setLevel('error')
  log.warn({}, 'nor this')
  expect((await lines()).map(({ msg }) => msg)).toEqual(['this'])
})

test('no level lets a secret out, by its name or by its value', async () => {
  hideSecret('Marker-0815')
  const { log, lines } = await openLog('debug')
  await log.open()
  const error = new AcsError('auth', 'EACSAUTH', 'user admin, password=hunter2', {
    cause: new Error('Marker-0815 refused'),
    details: { url: 'https://admin:hunter2@prism/', chap: { secret: 'hunter2' } },
  })
  log.debug({ password: 'hunter2', deep: { list: [{ token: 'hunter2' }] }, err: error }, 'told Marker-0815')
  log.error({ err: new TypeError('Marker-0815') }, 'authorization: Basic hunter2')
  const text = JSON.stringify(await lines())
  expect(text).not.toMatch(/hunter2|Marker-0815/)
  expect(JSON.parse(text)).toMatchObject([
    { err: { code: 'EACSAUTH', kind: 'auth', cause: '*** refused' }, password: '[redacted]' },
    { err: { name: 'TypeError', stack: expect.stringContaining('log.test.ts') as string } },
  ])
})

test('a reader that stands still stops nothing', async () => {
  // A pipe of 64 KiB that nobody reads.
  const reader = spawn('sleep', ['60'], { stdio: ['pipe', 'ignore', 'ignore'] })
  onTestFinished(() => void reader.kill('SIGKILL'))
  const script = `
    import { createLog } from ${JSON.stringify(new URL('../../../src/lib/plugin/log.ts', import.meta.url).href)}
    const log = createLog('info')
    await log.open()
    for (let round = 0; round < 200; round += 1) {
      for (let line = 0; line < 100; line += 1) log.info({ text: 'x'.repeat(1000) }, 'line')
      await new Promise((resolve) => setImmediate(resolve))
    }
    const started = performance.now()
    await log.close()
    process.stdout.write(JSON.stringify({ closing: performance.now() - started, rss: process.memoryUsage.rss() }))
    // An orderly exit would wait for the thread that writes.
    process.kill(process.pid, 'SIGKILL')
  `
  const { stdin } = reader
  const descriptor = (stdin as unknown as { _handle: { fd: number } })._handle.fd
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', descriptor],
    timeout: 20_000,
    encoding: 'utf8',
  })
  const { closing, rss } = JSON.parse(stdout) as { closing: number; rss: number }
  expect(closing).toBeLessThan(2_000)
  // 20 MB were logged, of which it keeps 4.
  expect(rss).toBeLessThan(250_000_000)
})
