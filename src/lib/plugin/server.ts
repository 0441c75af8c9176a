import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import { AcsError } from '../base/errors.js'
import { answerCall, type CallRoom, type FailedCall } from './answer-call.js'
import { defaultBudgets, type Budgets } from './budgets.js'
import { createConnections } from './connections.js'
import type { PluginLog, VolumeDriver } from './driver.js'
import { createDriverDoor } from './driver-door.js'
import type { PluginMetrics } from './plugin-metrics.js'
import { rawAnswer, respond } from './respond.js'
import { findRoute } from './routes.js'
import { listenAt, type SocketPlace } from './socket.js'
import type { CallAtWork } from './status/schema.js'
import { createUndos } from './undo.js'

export interface PluginServerOptions {
  socket: SocketPlace
  /** Called once, when the socket listens; calls that need it wait for it within their deadlines. */
  driver: () => Promise<VolumeDriver>
  log: PluginLog
  metrics: Pick<PluginMetrics, 'callEnded' | 'stepEnded'>
  budgets?: Partial<Budgets>
}

export interface PluginServer {
  /** For people: where it listens. */
  where: string
  /** Calls at work, those whose client is gone included, and open connections. */
  load(): { calls: number; connections: number }
  /** What is at work, oldest first. */
  work(): CallAtWork[]
  lastFailure(): FailedCall | undefined
  /**
   * Takes no more calls, waits for those at work (`drainMs`), then cancels them (`cancelMs`), then closes every
   * connection. Called again, it cancels at once.
   */
  close(): Promise<void>
}

/**
 * Speaks Docker's volume plugin protocol on a unix socket (docker-protocols.md A). Resolves when the socket
 * listens; imports nothing but what that takes. Throws as `listenAt` does.
 */
export async function startPluginServer(options: PluginServerOptions): Promise<PluginServer> {
  const { log, metrics } = options
  const budgets = { ...defaultBudgets, ...options.budgets }
  const connections = createConnections(budgets.connections)
  let startDriver: (driver: Promise<VolumeDriver>) => void = () => undefined
  const door = createDriverDoor(new Promise<VolumeDriver>((resolve) => (startDriver = resolve)))
  let stopping = false
  let lastFailure: FailedCall | undefined
  const room: CallRoom = {
    door,
    connections,
    undos: createUndos(),
    log,
    metrics,
    budgets,
    work: new Set(),
    failed: (failure) => (lastFailure = failure),
    isStopping: () => stopping,
  }

  const server = createServer({
    // dockerd before 23.0.7 and 24.0.5 sends an empty Host (docker-protocols.md A.2).
    requireHostHeader: false,
    // A POST that meets the closing of an idle connection is repeated by dockerd without its body (finding 2).
    keepAliveTimeout: 0,
    // Both count until a request has arrived whole, never while it is worked on. 0 would let half a request stay.
    headersTimeout: budgets.headersMs,
    requestTimeout: budgets.requestMs,
    connectionsCheckingInterval: Math.min(1_000, budgets.headersMs),
  })
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const route = request.method === 'POST' ? findRoute(request.url) : undefined
    if (route) void answerCall(request, response, route, room)
    else refuse(request, response)
  }
  server.on('request', serve)
  server.on('checkExpectation', serve)
  server.on('connection', (socket) => connections.add(socket))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerGarbage(error, socket))

  function refuse(request: IncomingMessage, response: ServerResponse): void {
    const known = findRoute(request.url) !== undefined
    const err = known ? 'calls are made with POST' : 'this volume plugin has no such call'
    const done = connections.request(request.socket)
    request.resume()
    void respond({
      connections,
      socket: request.socket,
      response,
      status: known ? 405 : 404,
      text: JSON.stringify({ Err: err }),
      last: stopping,
      limitMs: budgets.answerMs,
    }).then(done)
  }

  /** Bytes that are no HTTP, and requests that do not end. */
  function answerGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
    const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || error.code === 'ECONNRESET'
    const answering = !(socket instanceof Socket) || connections.isAnswering(socket)
    if (slow || answering || !socket.writable) {
      socket.destroy()
      return
    }
    const text = JSON.stringify({ Err: `this is no HTTP request (${error.code ?? error.message})` })
    socket.end(rawAnswer('400 Bad Request', text), () => socket.destroy())
  }

  const socket = await listenAt(server, options.socket)
  server.on('error', (error) => log.error({ err: error }, 'the socket has an error'))
  startDriver(options.driver())

  let closed: Promise<void> | undefined
  async function close(): Promise<void> {
    stopping = true
    await socket.release()
    const ended = new Promise<void>((resolve) => server.close(() => resolve()))
    door.close()
    connections.closeIdle()
    await atMost(budgets.drainMs, quiet())
    cancel()
    await atMost(budgets.cancelMs, quiet())
    connections.closeAll()
    await ended
  }

  /** Once nothing is at work; undoing may come after a call. */
  async function quiet(): Promise<void> {
    while (room.work.size > 0) await Promise.all([...room.work].map(({ over }) => over))
  }

  function cancel(): void {
    const reason = new AcsError('interrupted', 'EACSINTERRUPTED', 'the volume plugin is stopping')
    for (const work of room.work) work.cancel(reason)
  }

  return {
    where: socket.where,
    load: () => ({ calls: room.work.size, connections: connections.size }),
    work: () => [...room.work].map((work) => work.describe()),
    lastFailure: () => lastFailure,
    close() {
      if (closed) cancel()
      closed ??= close()
      return closed
    },
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
