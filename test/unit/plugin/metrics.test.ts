import { request as httpRequest } from 'node:http'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMetrics } from '../../../src/lib/plugin/metrics.js'
import { metricsPage, startLocalServer } from '../../../src/lib/plugin/local-server.js'
import { createPluginMetrics } from '../../../src/lib/plugin/plugin-metrics.js'

test('the text format, to the byte', async () => {
  const registry = createMetrics()
  const retried = registry.counter('retries_total', 'Tried again.\nReally: C:\\')
  registry.counter('never_total', 'Never counted.')
  retried({ what: 'log"in\\\n' })
  retried({ what: 'log"in\\\n' }, 2)
  retried()
  let volumes: number | undefined = 5
  registry.gauge('volumes', 'Volumes.', () => volumes)
  registry.gauge('by_state', 'By state.', () => [
    [{ state: 'mounted' }, 1],
    [{ state: 'free' }, Infinity],
  ])
  registry.gauge('slow', 'Slow.', () => Promise.resolve(0.25))
  registry.gauge('broken', 'Broken.', () => {
    throw new Error('unreadable')
  })
  const observe = registry.histogram('seconds', 'Duration.', [0.1, 1])
  observe({ call: 'Get' }, 0.1)
  observe({ call: 'Get' }, 0.5)
  observe({ call: 'Get' }, 7)
  expect(await registry.text()).toBe(
    [
      '# HELP retries_total Tried again.\\nReally: C:\\\\',
      '# TYPE retries_total counter',
      'retries_total{what="log\\"in\\\\\\n"} 3',
      'retries_total 1',
      '# HELP never_total Never counted.',
      '# TYPE never_total counter',
      '# HELP volumes Volumes.',
      '# TYPE volumes gauge',
      'volumes 5',
      '# HELP by_state By state.',
      '# TYPE by_state gauge',
      'by_state{state="mounted"} 1',
      'by_state{state="free"} +Inf',
      '# HELP slow Slow.',
      '# TYPE slow gauge',
      'slow 0.25',
      '# HELP seconds Duration.',
      '# TYPE seconds histogram',
      'seconds_bucket{call="Get",le="0.1"} 1',
      'seconds_bucket{call="Get",le="1"} 2',
      'seconds_bucket{call="Get",le="+Inf"} 3',
      'seconds_sum{call="Get"} 7.6',
      'seconds_count{call="Get"} 3',
      '',
    ].join('\n'),
  )
  volumes = undefined
  expect(await registry.text()).toContain('# TYPE volumes gauge\n# HELP by_state')
})

test('the plugin tells what its driver and its process say now', async () => {
  const metrics = createPluginMetrics()
  metrics.watchDriver({
    volumes: () => 3,
    references: () => 2,
    sessions: () => Promise.resolve(1),
    cacheAge: () => 4.5,
  })
  metrics.watchServer(() => ({ calls: 1, connections: 2 }))
  metrics.watchDriver({ volumes: () => 4 })
  metrics.retried('log in')
  metrics.journalReplayed('undone')
  const text = await metrics.text()
  for (const line of [
    'acs_plugin_volumes 4',
    'acs_plugin_references 2',
    'acs_plugin_sessions 1',
    'acs_plugin_cache_age_seconds 4.5',
    'acs_plugin_calls_in_progress 1',
    'acs_plugin_connections 2',
    'acs_plugin_retries_total{what="log in"} 1',
    'acs_plugin_journal_replays_total{result="undone"} 1',
  ])
    expect(text.split('\n')).toContain(line)
  const value = (name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(20_000_000)
  expect(value('process_open_fds')).toBeGreaterThan(3)
  expect(Math.abs(value('process_start_time_seconds') - (Date.now() / 1000 - process.uptime()))).toBeLessThan(2)
})

describe('are served', () => {
  const fixed = { '/metrics': metricsPage({ text: () => Promise.resolve('acs 1\n') }) }

  function get(
    target: object,
    path = '/metrics',
    method = 'GET',
  ): Promise<{ status?: number; type?: string; text: string }> {
    return new Promise((resolve, reject) => {
      httpRequest({ ...target, path, method }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode, type: response.headers['content-type'], text }))
      })
        .on('error', reject)
        .end()
    })
  }

  test.each(['127.0.0.1:0', 'localhost:0', '[::1]:0', '127.5.6.7:0'])('on %s', async (address) => {
    const server = await startLocalServer(address, fixed)
    onTestFinished(() => server.close())
    const [, host = '', port] = /^(.*):(\d+)$/.exec(server.address)!
    const target = { host: host.replace(/[[\]]/g, ''), port: Number(port) }
    expect(await get(target)).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'acs 1\n',
    })
    expect((await get(target, '/x')).status).toBe(404)
    expect((await get(target, '/metrics', 'POST')).status).toBe(405)
    await expect(startLocalServer(server.address, fixed)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSADDRINUSE',
    })
  })

  test('on a unix socket of mode 0600, which is gone at the end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acs-m-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await chmod(folder, 0o700)
    const path = join(folder, 'm.sock')
    const server = await startLocalServer(`unix:${path}`, fixed)
    expect(server.address).toBe(`unix:${path}`)
    expect((await get({ socketPath: path })).text).toBe('acs 1\n')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await server.close()
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4')?.address
  test.each([
    '0.0.0.0:9450',
    '[::]:9450',
    ':9450',
    '9450',
    'example.com:9450',
    '127.0.0.1',
    '127.0.0.1:99999',
    '10.0.0.1:1',
    '[::ffff:10.0.0.1]:1',
    'unix:relative.sock',
    '127.0.0.1.example.com:9450',
    '',
    `${outside ?? '192.0.2.1'}:0`,
  ])('never on %j', async (address) => {
    await expect(startLocalServer(address, fixed)).rejects.toMatchObject({ kind: 'usage', code: 'EACSADDRESS' })
  })
})
