// The plugin's server with a driver in memory, for the fuzz test: its process can crash without taking the test along.
import { readdirSync } from 'node:fs'
import { setImmediate as soon } from 'node:timers/promises'
import { createPluginMetrics } from '../../../src/lib/plugin/plugin-metrics.js'
import type { PluginLog, VolumeDriver } from '../../../src/lib/plugin/driver.js'
import { startPluginServer } from '../../../src/lib/plugin/server.js'
import { AcsError } from '../../../src/lib/base/errors.js'

export interface FuzzReport {
  /** After garbage collection. */
  heapBytes: number
  files: number
  connections: number
  calls: number
  /** What the driver was asked, by call. */
  asked: Record<string, number>
  /** Names that no driver should see. */
  badNames: string[]
  /** Mounts whose client has no answer and that are there still. */
  defects: string[]
}

const asked: Record<string, number> = {}
const badNames: string[] = []
const defects: string[] = []
process.on('unhandledRejection', (reason) => defects.push(`unhandled: ${String(reason)}`))
process.on('warning', (warning) => defects.push(`warning: ${warning.message}`))
process.on('uncaughtException', (error) => defects.push(`uncaught: ${String(error.stack)}`))

/** Takes a turn of the event loop, as a driver that works would, and gives up when its client does. */
async function work(call: string, name: string, signal: AbortSignal): Promise<void> {
  asked[call] = (asked[call] ?? 0) + 1
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[/\\\u0000-\u001f\u007f-\u009f]/.test(name) || name === '' || name.length > 512) badNames.push(name.slice(0, 50))
  await soon()
  signal.throwIfAborted()
}

const driver: VolumeDriver = {
  capabilities: () => ({ scope: 'global' }),
  create: async ({ name, options }, { deadline }) => {
    await work('create', name, deadline.signal)
    for (const [option, value] of Object.entries(options))
      if (typeof value !== 'string') badNames.push(`option ${option}`)
    if (Object.keys(options).length > 3) throw new TypeError('a defect in the driver')
  },
  get: async ({ name }, { deadline }) => {
    await work('get', name, deadline.signal)
    if (name !== 'good') throw new AcsError('not-found', 'EACSNOTFOUND', `there is no volume ${name}`)
    return { name, createdAt: '2026-01-02T03:04:05Z', status: { size: '1 GiB' } }
  },
  list: async ({ deadline }) => {
    await work('list', 'list', deadline.signal)
    return [{ name: 'good' }]
  },
  remove: ({ name }, { deadline }) => work('remove', name, deadline.signal),
  path: ({ name }, { deadline }) => work('path', name, deadline.signal).then(() => ({})),
  mount: ({ name }, { deadline }) => work('mount', name, deadline.signal).then(() => ({ mountPoint: '/mnt/x' })),
  unmount: ({ name }, { deadline }) => work('unmount', name, deadline.signal),
}

const silent: PluginLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

const server = await startPluginServer({
  socket: { path: process.argv[2] ?? '' },
  driver: () => Promise.resolve(driver),
  log: silent,
  metrics: createPluginMetrics(),
  budgets: { headersMs: 1_000, requestMs: 3_000, drainMs: 1_000 },
})

process.on('message', () => {
  globalThis.gc?.()
  const report: FuzzReport = {
    heapBytes: process.memoryUsage().heapUsed,
    files: readdirSync('/proc/self/fd').length,
    ...server.load(),
    asked,
    badNames: badNames.slice(0, 10),
    defects: defects.slice(0, 10),
  }
  process.send?.(report)
})
process.on('disconnect', () => void server.close().then(() => process.exit()))
process.send?.('ready')
