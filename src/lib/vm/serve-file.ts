import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AcsError, messageOf } from '../base/errors.js'
import { formatAddress, parseListenAddress } from '../base/listen-address.js'
import { localAddressTowards } from '../base/local-address.js'
import { formatSize } from '../base/sizes.js'

export interface ServedFile {
  /** Under a path nobody can guess. */
  url: string
  /** Whether anybody has asked for it. */
  wasAsked(): boolean
  close(): Promise<void>
}

export interface ServeFile {
  /** Who is to fetch it: the address of ours that leads there is the one served on. */
  towards: { host: string; port: number }
  /** `ADDRESS[:PORT]` of this machine instead. */
  on?: string
  onProgress?: (text: string) => void
}

/** Serves one file over HTTP, whole or by ranges. Throws EACSFILE (not found), EACSSERVE. */
export async function serveFile(path: string, options: ServeFile): Promise<ServedFile> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new AcsError('not-found', 'EACSFILE', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
  })
  const stats = await file.stat()
  if (!stats.isFile() || stats.size === 0) {
    await file.close()
    throw new AcsError('usage', 'EACSFILE', `${path} is ${stats.isFile() ? 'empty' : 'no file'}`)
  }
  const secret = `/${randomBytes(16).toString('hex')}/${encodeURIComponent(basename(path))}`
  const sent = { bytes: 0, asked: false }
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy())
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url !== secret || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(404).end()
      return
    }
    sent.asked = true
    const range = rangeOf(request.headers.range, stats.size)
    const length = range.end - range.start + 1
    response.writeHead(range.partial ? 206 : 200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': length,
      'Accept-Ranges': 'bytes',
      ...(range.partial ? { 'Content-Range': `bytes ${range.start}-${range.end}/${stats.size}` } : {}),
    })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const stream = file.createReadStream({ start: range.start, end: range.end, autoClose: false })
    stream.on('data', (part) => {
      sent.bytes += part.length
      options.onProgress?.(`fetched ${formatSize(Math.min(sent.bytes, stats.size))} of ${formatSize(stats.size)}`)
    })
    await pipeline(stream, response)
  }

  try {
    const { host, port } = await place(options)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
  } catch (error) {
    await file.close()
    throw new AcsError('failed', 'EACSSERVE', `the file cannot be served to the cluster: ${messageOf(error)}`, {
      cause: error,
      hints: ['Name an address of this machine that the cluster reaches: --serve-on ADDRESS[:PORT]'],
    })
  }
  const { address: host, port } = server.address() as AddressInfo
  return {
    url: `http://${formatAddress({ host, port })}${secret}`,
    wasAsked: () => sent.asked,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await file.close()
    },
  }
}

/** One range, as a fetcher that goes on after a cut asks for; anything else is answered with the whole file. */
function rangeOf(header: string | undefined, size: number): { start: number; end: number; partial: boolean } {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? []
  const start = Number(from ?? NaN)
  const end = to === undefined || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (!(start <= end)) return { start: 0, end: size - 1, partial: false }
  return { start, end, partial: true }
}

async function place({ on, towards }: ServeFile): Promise<{ host: string; port: number }> {
  if (on === undefined) return { host: await localAddressTowards(towards), port: 0 }
  return parseListenAddress(on, { host: '', port: 0 })
}
