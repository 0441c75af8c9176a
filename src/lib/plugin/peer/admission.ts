import type { Server } from 'node:https'
import type { Socket } from 'node:net'

export interface Admission {
  /** A connection that may ask: it is not closed for others, but after `forMs`. */
  admit(socket: Socket, forMs: number): void
  dismissStrangers(): void
}

/**
 * Bounds the connections of those who have not shown that they may ask, in number and time. When there are too many the
 * oldest are closed, not the newest refused: whoever opens connections and says nothing must not make this
 * host look silent, as the volumes of silent hosts are taken over.
 */
export function admitConnections(
  server: Server,
  limits: { strangers: number; strangersOfOneAddress: number; patienceMs: number },
): Admission {
  // In the order they came. The TLS socket of a request is another object than the one that was accepted.
  const strangers = new Map<string, { socket: Socket; address: string; timer: NodeJS.Timeout }>()

  const dismiss = (key: string): void => {
    const stranger = strangers.get(key)
    forget(key)
    stranger?.socket.destroy()
  }
  const forget = (key: string): void => {
    clearTimeout(strangers.get(key)?.timer)
    strangers.delete(key)
  }
  const makeRoom = (of: [string, unknown][], most: number): void => {
    for (const [key] of of.slice(0, Math.max(0, of.length - most + 1))) dismiss(key)
  }

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const key = keyOf(socket)
    makeRoom(
      [...strangers].filter(([, stranger]) => stranger.address === address),
      limits.strangersOfOneAddress,
    )
    makeRoom([...strangers], limits.strangers)
    strangers.set(key, { socket, address, timer: setTimeout(() => dismiss(key), limits.patienceMs) })
    socket.once('close', () => forget(key))
    socket.on('error', () => socket.destroy())
  })

  return {
    admit(socket, forMs) {
      forget(keyOf(socket))
      const timer = setTimeout(() => socket.destroy(), forMs)
      socket.once('close', () => clearTimeout(timer))
    },
    dismissStrangers: () => [...strangers.keys()].forEach(dismiss),
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`
}
