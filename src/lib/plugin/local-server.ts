import { createServer } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { AcsError, messageOf } from '../base/errors.js'
import { printable } from '../base/printable.js'
import type { PluginMetrics } from './plugin-metrics.js'
import { listenAt } from './socket.js'

export interface MetricsServer {
  /** `unix:/path` or `127.0.0.1:9450`, with the port that was taken for 0. */
  address: string
  close(): Promise<void>
}

/**
 * Serves metrics to Prometheus on `unix:/path` (mode 0600) or on a port that only this machine reaches.
 * Throws EACSADDRESS (usage) for any other address, and EACSADDRINUSE, EACSPLUGINRUNNING or EACSSOCKETPATH.
 */
export async function startMetricsServer(
  address: string,
  metrics: Pick<PluginMetrics, 'text'>,
): Promise<MetricsServer> {
  const place = parseAddress(address)
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, (request, response) => {
    request.resume()
    if (request.method !== 'GET' || (request.url !== '/metrics' && request.url !== '/')) {
      response.writeHead(request.method === 'GET' ? 404 : 405, { 'Content-Type': 'text/plain' }).end('GET /metrics\n')
      return
    }
    void metrics.text().then((text) => {
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
    })
  })
  server.maxConnections = 32
  const close = (release: () => Promise<void>) => async (): Promise<void> => {
    await release()
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
  if ('path' in place) {
    const socket = await listenAt(server, place)
    return { address: `unix:${place.path}`, close: close(() => socket.release()) }
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(taken(address, error)))
    server.listen(place.port, place.host, resolve)
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : place.port
  const host = isIP(place.host) === 6 ? `[${place.host}]` : place.host
  return { address: `${host}:${port}`, close: close(() => Promise.resolve()) }
}

function parseAddress(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith('unix:/')) return { path: address.slice('unix:'.length) }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address) ?? []
  const host = plain === 'localhost' ? '127.0.0.1' : (bracketed ?? plain ?? '')
  const port = Number(digits)
  if (isLoopback(host) && port <= 65_535) return { host, port }
  throw new AcsError('usage', 'EACSADDRESS', `metrics cannot be served on "${printable(address)}"`, {
    hints: [
      'Use unix:/run/acs/metrics.sock or 127.0.0.1:9450: only this machine may read them',
      'A proxy of yours can show them to others',
    ],
  })
}

function isLoopback(host: string): boolean {
  const here = new BlockList()
  here.addSubnet('127.0.0.0', 8, 'ipv4')
  here.addAddress('::1', 'ipv6')
  const version = isIP(host)
  return version !== 0 && here.check(host, version === 6 ? 'ipv6' : 'ipv4')
}

function taken(address: string, cause: unknown): AcsError {
  return new AcsError('conflict', 'EACSADDRINUSE', `cannot serve metrics on ${address}: ${messageOf(cause)}`, {
    cause,
    hints: ['Choose another port in the plugin configuration (metrics)'],
  })
}
