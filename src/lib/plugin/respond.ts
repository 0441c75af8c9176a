import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Connections } from './connections.js'

/** What go-plugins-helpers and dockerd's Accept header name it; neither dockerd nor Podman looks at it. */
const contentType = 'application/vnd.docker.plugins.v1.2+json'

export interface Respond {
  connections: Connections
  socket: Socket
  response: ServerResponse
  status: number
  /** JSON. */
  text: string | Buffer
  /** Whether the connection ends with this answer. */
  last: boolean
  /** How long a client may take to read it. */
  limitMs: number
}

/** Sends an answer. Resolves once the kernel has all of it: true; false when the client was gone before. */
export function respond({ connections, socket, response, status, text, last, limitMs }: Respond): Promise<boolean> {
  return new Promise((resolve) => {
    // Its connection counts, for one who reads nothing would keep it and the answer for ever.
    const slow = setTimeout(() => socket.destroy(), limitMs)
    const end = (delivered: boolean): void => {
      clearTimeout(slow)
      forget()
      if (last) socket.destroy()
      resolve(delivered)
    }
    let forget: () => void = () => undefined
    // An answer that waits behind another on its connection has no event of its own for the end of that.
    forget = connections.onClose(socket, () => end(false))
    if (socket.destroyed) return
    // Node tells `finish` of what it was writing to a connection that is destroyed, too; and it ends the connection
    // itself after a last answer, so it has to be asked before it hears of the end.
    response.prependOnceListener('finish', () => end(!socket.destroyed))
    response.writeHead(status, {
      'Content-Type': contentType,
      'Content-Length': Buffer.byteLength(text),
      ...(last ? { Connection: 'close' } : {}),
    })
    response.end(text)
  })
}

/** An answer to bytes that never became a request. */
export function rawAnswer(status: string, text: string): string {
  return (
    `HTTP/1.1 ${status}\r\nContent-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n` +
    `Connection: close\r\n\r\n${text}`
  )
}
