import { deadlineIn, type Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { linkAlias, type Alias } from './alias.js'
import { defaultBudgets, type Budgets } from './budgets.js'
import type { PluginLog, VolumeDriver } from './driver.js'
import { createLog, type LogLevel } from './log.js'
import { createPluginMetrics, type PluginMetrics } from './plugin-metrics.js'
import { startPluginServer, type PluginServer } from './server.js'
import { socketPath, systemdSocket } from './socket.js'
import type { DriverStatus } from './status/schema.js'
import type { ServedStatus } from './status/serve-status.js'
import { within } from './within.js'

/** A driver with a life: `close` leaves everything so that the next start finds its way. */
export interface ServedDriver extends VolumeDriver {
  close(deadline: Deadline): Promise<void>
  reload(): Promise<void>
  /** From memory and the kernel's tables: asks neither the cluster nor a disk. */
  status(): Promise<DriverStatus>
}

/** For a driver in the making that does not see that it is to stop. */
const lateDriverMs = 5_000

/** What the server lends whoever makes the driver. */
export interface Surroundings {
  log: PluginLog & { setLevel(level: LogLevel): void }
  metrics: PluginMetrics
  /** Aborts when the plugin is to stop: a driver still in the making need not be finished. */
  stop: AbortSignal
}

export interface ServeOptions {
  /** The driver's name in Docker: `docker volume create -d NAME`. */
  name: string
  /** Default: systemd's, if it passed one; else /run/docker/plugins/NAME.sock. */
  socket?: string
  /** Called when the socket listens: reads the configuration and this machine's state, not the cluster's. */
  createDriver(surroundings: Surroundings): Promise<ServedDriver>
  /** SIGTERM and SIGINT, as whoever owns the process hears them. */
  stop: AbortSignal
  onListening?(where: string): void
  budgets?: Partial<Budgets>
  /** Where `acs plugin status` finds the plugin, and what it says of its program; without it nowhere. */
  status?: { runtimeFolder: string; version: string }
}

/**
 * Runs the plugin until `stop` aborts; then drains what is at work and resolves. SIGHUP reloads. Rejects when the
 * socket cannot be had, and when there will be no driver, with what its making threw.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { stop, budgets } = options
  const socket = options.socket === undefined ? defaultSocket(options.name) : { path: options.socket }
  const log = createLog()
  const metrics = createPluginMetrics()
  const { promise: making, make } = onDemand(() => options.createDriver({ log, metrics, stop }))
  let server: PluginServer | undefined
  let alias: Alias | undefined
  let status: ServedStatus | undefined
  const hangUps = onHangUp(async () => {
    if (!stop.aborted) await reload(making, log)
  })
  try {
    server = await startPluginServer({ socket, log, metrics, ...(budgets ? { budgets } : {}), driver: make })
    const listening = server
    metrics.watchServer(() => listening.load())
    options.onListening?.(server.where)
    await log.open()
    // systemd makes the links of its sockets itself; who chooses a path wants that path.
    if (options.socket === undefined && 'path' in socket) alias = await linkAlias(socket.path, log)
    log.info({ socket: server.where, plugin: options.name }, 'listening')
    status = await tellStatus(options, { server, metrics, log })
    const driver = await Promise.race([making, aborted(stop)])
    if (driver) {
      status?.ready(() => driver.status())
      log.info({}, 'ready')
    }
    await aborted(stop)
    status?.stopping()
    log.info(server.load(), 'stopping; calls at work are finished')
  } catch (error) {
    log.error({ err: error }, 'cannot go on')
    throw error
  } finally {
    const stopped = deadlineIn({ ...defaultBudgets, ...budgets }.stopMs)
    await alias?.release()
    await server?.close()
    if (server) await closeDriver(making, log, stopped)
    await status?.close()
    hangUps.end()
    log.info({}, 'stopped')
    await log.close()
  }
}

async function tellStatus(
  { name, status }: ServeOptions,
  parts: { server: PluginServer; metrics: PluginMetrics; log: PluginLog },
): Promise<ServedStatus | undefined> {
  if (!status) return undefined
  const { serveStatus } = await import('./status/serve-status.js')
  return serveStatus({ name, ...status, ...parts })
}

/** A promise of what is made when it is asked for. */
function onDemand<T>(work: () => Promise<T>): { promise: Promise<T>; make: () => Promise<T> } {
  let start: (value: Promise<T>) => void = () => undefined
  const promise = new Promise<T>((resolve) => (start = resolve))
  const make = (): Promise<T> => {
    start(Promise.resolve().then(work))
    return promise
  }
  return { promise, make }
}

async function reload(making: Promise<ServedDriver>, log: PluginLog): Promise<void> {
  try {
    const driver = await making
    log.info({}, 'reloading')
    await driver.reload()
    log.info({}, 'reloaded')
  } catch (error) {
    log.error({ err: error }, 'could not reload; what was configured before stays')
  }
}

/** Also a driver that is ready only now; one that never will be has nothing to close. */
async function closeDriver(making: Promise<ServedDriver>, log: PluginLog, deadline: Deadline): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.min(lateDriverMs, deadline.remainingMs()))
  })
  try {
    const driver = await Promise.race([making.catch(() => undefined), late])
    if (driver) await within(deadline, 'closing', driver.close(deadline))
  } catch (error) {
    log.error({ err: error }, 'could not close in order; the next start takes it up')
  } finally {
    clearTimeout(timer)
  }
}

function defaultSocket(name: string): { path: string } | { fd: number } {
  if (!/^[a-z0-9][a-z0-9_.-]*$/.test(name))
    throw new AcsError('usage', 'EACSNAME', `"${printable(name)}" cannot name a Docker plugin`, {
      hints: ['Use lower-case letters, digits, "_", "." and "-": --name nutanix'],
    })
  const passed = systemdSocket(process.env, process.pid)
  // Programs this one starts must not take them for theirs.
  if (passed) {
    delete process.env.LISTEN_PID
    delete process.env.LISTEN_FDS
  }
  return passed ?? { path: socketPath(name) }
}

/** One SIGHUP after the other; without a handler it would end the process. */
function onHangUp(reload: () => Promise<void>): { end(): void } {
  let queue = Promise.resolve()
  const hear = (): void => void (queue = queue.then(reload))
  process.on('SIGHUP', hear)
  return { end: () => process.off('SIGHUP', hear) }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}
