import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { AcsError, messageOf } from '../base/errors.js'
import { printable } from '../base/printable.js'
import type { PluginMetrics } from './plugin-metrics.js'
import { listenAt } from './socket.js'

export interface LocalServer {
  /** `unix:/path` or `127.0.0.1:9450`, with the port that was taken for 0. */
  address: string
  close(): Promise<void>
}

/** What is told of the plugin at one path, as of the moment it is asked for. */
export interface Page {
  /** Content-Type. */
  type: string
  read(): Promise<string>
}

/** By path: `/metrics`. */
export type Pages = Readonly<Record<string, Page>>

/** For Prometheus. */
export function metricsPage(metrics: Pick<PluginMetrics, 'text'>): Page {
  return { type: 'text/plain; version=0.0.4; charset=utf-8', read: () => metrics.text() }
}

/**
 * Lets this machine read about the plugin, on `unix:/path` (mode 0600: root) or on a port that only this machine reaches.
 * GET only: nothing can be told to the plugin here.
 * Throws EACSADDRESS (usage) for any other address, and EACSADDRINUSE, EACSPLUGINRUNNING or EACSSOCKETPATH.
 */
export async function startLocalServer(address: string, pages: Pages): Promise<LocalServer> {
  const place = parseAddress(address)
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, (request, response) => {
    request.resume()
    void answer(request, response, pages)
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

async function answer({ method, url }: IncomingMessage, response: ServerResponse, pages: Pages): Promise<void> {
  const [path = ''] = (url ?? '').split('?', 1)
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined
  const plain = { 'Content-Type': 'text/plain; charset=utf-8' }
  if (method !== 'GET' || !page) {
    const offered = Object.keys(pages).map((each) => `GET ${each}\n`)
    response.writeHead(method === 'GET' ? 404 : 405, plain).end(offered.join(''))
    return
  }
  try {
    const text = await page.read()
    response.writeHead(200, { 'Content-Type': page.type }).end(text)
  } catch (error) {
    response.writeHead(500, plain).end(`${messageOf(error)}\n`)
  }
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
