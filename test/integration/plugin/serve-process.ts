// A plugin with a driver in memory, as a process: `serve-process.ts JSON`. Says what happens to its driver on stdout.
import { setTimeout as sleep } from 'node:timers/promises'
import { AcsError } from '../../../src/lib/base/errors.js'
import { serve, type ServedDriver, type Surroundings } from '../../../src/lib/plugin/serve.js'
import { quietDriver } from '../../unit/plugin/driver-statuses.js'
import type { DriverStatus } from '../../../src/lib/plugin/status/schema.js'
import { recordingDriver } from './recording-driver.js'

export interface ServeProcessOptions {
  name?: string
  socket?: string
  /** How long the driver is in the making. */
  makingMs?: number
  /** The driver cannot be made. */
  broken?: boolean
  /** How long a Create takes. */
  createMs?: number
  drainMs?: number
  /** The driver's answer to SIGHUP. */
  reload?: 'works' | 'fails'
  /** Where it tells of itself. */
  runtimeFolder?: string
  /** What its driver says of itself, where that is not the usual. */
  status?: Partial<DriverStatus>
}

const options = JSON.parse(process.argv[2] ?? '{}') as ServeProcessOptions
const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function createDriver({ log, stop }: Surroundings): Promise<ServedDriver> {
  say('making')
  log.setLevel('debug')
  if (options.makingMs !== undefined) await sleep(options.makingMs, undefined, { signal: stop })
  if (options.broken) throw new AcsError('usage', 'EACSCONFIG', 'line 3 is no YAML')
  const driver = recordingDriver(
    options.createMs === undefined
      ? {}
      : { create: (_request, call) => call.deadline.sleep(options.createMs ?? 0, 'making it') },
  )
  driver.volumes.set('db', { name: 'db', ids: new Set() })
  return Object.assign(driver, {
    close: () => {
      say('closed')
      return Promise.resolve()
    },
    status: () => Promise.resolve({ ...quietDriver, ...options.status }),
    reload: () => {
      say('reload')
      return options.reload === 'fails' ? Promise.reject(new Error('no YAML')) : Promise.resolve()
    },
  })
}

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort(new Error(signal)))

serve({
  name: options.name ?? 'lab',
  createDriver,
  stop: stop.signal,
  onListening: (where) => say(`listening ${where}`),
  ...(options.socket === undefined ? {} : { socket: options.socket }),
  ...(options.runtimeFolder === undefined
    ? {}
    : { status: { runtimeFolder: options.runtimeFolder, version: '1.2.3' } }),
  ...(options.drainMs === undefined ? {} : { budgets: { drainMs: options.drainMs } }),
}).then(
  () => say('ended'),
  (error: unknown) => {
    say(`failed ${error instanceof AcsError ? error.code : String(error)}`)
    process.exitCode = 1
  },
)
