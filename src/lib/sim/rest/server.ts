import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { FaultBoard } from '../faults.js'
import type { SimulatedCluster } from '../simulated-cluster.js'
import type { Exchange } from '../simulator.js'
import { errorCodes, WireError } from '../wire-error.js'
import { faultNames, routeName, type Match, type Reply, type Router } from './routes.js'
import type { Sessions } from './sessions.js'

const noFaults = new FaultBoard()
const largestBodyBytes = 8 * 1024 ** 2

export interface RestServerOptions {
  cluster: SimulatedCluster
  router: Router
  sessions: Sessions
  key: string
  certificate: string
  onResponse?: ((exchange: Exchange) => void) | undefined
}

/** The gateway: TLS, authentication, injected faults, and one place where answers leave. */
export class RestServer {
  private readonly server: Server

  constructor(private readonly options: RestServerOptions) {
    this.server = createServer(
      { key: options.key, cert: options.certificate, minVersion: 'TLSv1.2' },
      (request, response) => {
        void this.serve(request, response)
      },
    )
    // Long polls are legitimate: tasks/poll may wait for half an hour.
    this.server.requestTimeout = 0
    this.server.keepAliveTimeout = 60_000
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(port, host, () => {
        this.server.off('error', reject)
        resolve()
      })
    })
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no address')
    return address
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    this.server.closeIdleConnections()
    // Answers on their way get a moment; then the door closes.
    const force = setTimeout(() => this.server.closeAllConnections(), 500)
    await closed
    clearTimeout(force)
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET'
    const url = new URL(request.url ?? '/', 'https://simulator')
    const exchange: Exchange = { method, path: url.pathname, status: 0 }
    const { cluster, onResponse } = this.options
    const answer = (status: number, body: unknown, headers?: Readonly<Record<string, string>>): void => {
      Object.assign(exchange, { status, body })
      onResponse?.(exchange)
      send(response, status, body, headers)
    }
    const startedAt = performance.now()
    try {
      const names = faultNames(method, url.pathname)
      // Faults are of the cluster: the way to take them back stays open.
      const faults = url.pathname.startsWith('/sim/') ? noFaults : cluster.faults
      const delay = faults.take('delay', ...names)
      if (delay) await new Promise((resolve) => setTimeout(resolve, delay.value))
      const drop = faults.take('drop', ...names)
      if (drop && drop.when !== 'after') {
        request.socket.destroy()
        return
      }
      if (faults.take('expire-session', ...names)) this.options.sessions.expire(request)
      const text = await readBody(request)
      const caller = this.options.sessions.authenticate(request)
      if (!caller) {
        // Body of a 401 is not recorded: none, with the challenge (assumed).
        answer(401, undefined, { 'WWW-Authenticate': 'Basic realm="Prism"' })
        return
      }
      if (caller.cookie !== undefined) response.setHeader('Set-Cookie', caller.cookie)
      const status = faults.take('status', ...names)
      if (status) throw new WireError(status.value ?? 500, status.message ?? 'injected failure', errorCodes.injected)
      const match = this.options.router.find(method, url.pathname)
      const { route, parameters } = requireMatch(match, method, url.pathname)
      exchange.route = routeName(route)
      exchange.requestBody = parseBody(text)
      const body = exchange.requestBody
      const reply: Reply = await route.answer({
        cluster,
        parameters,
        query: url.searchParams,
        body,
        api: route.api,
        method,
      })
      // Nobody is told what a crash could take back.
      await cluster.store.durable()
      if (drop) {
        request.socket.destroy()
        return
      }
      answer(reply.status ?? 200, reply.body)
    } catch (error) {
      const wire =
        error instanceof WireError ? error : new WireError(500, error instanceof Error ? error.message : String(error))
      if (wire !== error) cluster.log.error({ method, path: url.pathname, error: String(error) }, 'request broke')
      if (!response.headersSent) answer(wire.status, wire.body(), wire.headers)
    } finally {
      const { status } = exchange
      cluster.log.info({ method, path: url.pathname, status, ms: Math.round(performance.now() - startedAt) }, 'request')
    }
  }
}

function requireMatch(match: Match | { otherMethods: string[] } | undefined, method: string, path: string): Match {
  if (match && 'route' in match) return match
  if (match)
    throw new WireError(405, `${method} is not possible on ${path}`, errorCodes.badRequest, {
      Allow: match.otherMethods.join(', '),
    })
  throw new WireError(404, `The simulator does not serve ${method} ${path}`, errorCodes.notFound)
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, {
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    ...(body !== undefined && { 'Content-Type': 'application/json;charset=UTF-8' }),
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > largestBodyBytes) throw new WireError(413, 'The request is too large', errorCodes.badRequest)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new WireError(400, 'The request body is not JSON', errorCodes.badRequest)
  }
}
