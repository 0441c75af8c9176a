import type { Socket } from 'node:net'

/** The connections of the plugin's server: bounded, and asked which of them still wait for an answer. */
export interface Connections {
  /** Takes a new connection in. At the limit the one that is worth least goes: first who never completed a request, then who idles longest. */
  add(socket: Socket): void
  /** A request has begun to arrive; the function returned ends it. */
  request(socket: Socket): () => void
  /** A call is at work; `gone` is called when its connection closes first. The function returned ends it. */
  call(socket: Socket, gone: () => void): () => void
  /** Whether a request of this connection is unanswered, so that bytes of ours would be taken for its answer. */
  isAnswering(socket: Socket): boolean
  /** Closes those without a request. */
  closeIdle(): void
  closeAll(): void
  readonly size: number
}

interface Connection {
  requests: number
  served: number
  calls: Set<() => void>
}

export function createConnections(limit: number): Connections {
  // In the order in which they were last of use.
  const open = new Map<Socket, Connection>()

  function makeRoom(): boolean {
    if (open.size < limit) return true
    const idle = [...open].filter(([, connection]) => connection.calls.size === 0)
    const [victim] = idle.find(([, { served }]) => served === 0) ?? idle[0] ?? []
    if (!victim) return false
    open.delete(victim)
    victim.destroy()
    return true
  }

  return {
    add(socket) {
      if (!makeRoom()) {
        socket.destroy()
        return
      }
      const connection: Connection = { requests: 0, served: 0, calls: new Set() }
      open.set(socket, connection)
      socket.once('close', () => {
        open.delete(socket)
        for (const gone of connection.calls) gone()
        connection.calls.clear()
      })
    },
    request(socket) {
      const connection = open.get(socket)
      if (!connection) return () => undefined
      connection.requests += 1
      return () => {
        connection.requests -= 1
        connection.served += 1
        if (open.delete(socket)) open.set(socket, connection)
      }
    },
    call(socket, gone) {
      const connection = open.get(socket)
      if (!connection || socket.destroyed) {
        gone()
        return () => undefined
      }
      connection.calls.add(gone)
      return () => void connection.calls.delete(gone)
    },
    isAnswering: (socket) => (open.get(socket)?.requests ?? 0) > 0,
    closeIdle() {
      for (const [socket, { requests }] of open) if (requests === 0) socket.destroy()
    },
    closeAll() {
      for (const socket of open.keys()) socket.destroy()
    },
    get size() {
      return open.size
    },
  }
}
