import { Agent, type AgentOptions, type RequestOptions } from 'node:https'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { serverName } from './certificate.js'
import { isVouchedFor, ownCertificate } from './self-signed.js'

/** What makes a server the right one: a pinned certificate, or a CA (the system's when absent). */
export interface Trust {
  /** `AA:BB:...`, SHA-256; then nothing else counts: neither CA, nor name, nor date. */
  fingerprint?: string
  /** PEM text. */
  ca?: string
}

/** The connection was never usable: nothing of the request left this machine, so it is safe to repeat. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure'

  constructor(
    readonly code: string,
    message: string,
    /** The certificate that was refused, where that is why. */
    readonly presentedFingerprint?: string,
  ) {
    super(message)
  }
}

const connectTimeoutMs = 10_000

/**
 * An agent that hands a connection to HTTP only after the handshake and the trust check, so that no byte of
 * a request (the password is in its first line of headers) reaches a wrong server. TLS sessions are never
 * resumed: each connection shows its certificate anew, and the pin is checked on each.
 */
export class PrismAgent extends Agent {
  constructor(
    private readonly trust: Trust,
    options: AgentOptions,
  ) {
    super({ ...options, maxCachedSessions: 0 })
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const host = typeof options.host === 'string' ? options.host.replace(/^\[(.*)\]$/, '$1') : 'localhost'
    const server = { host, port: Number(options.port) }
    this.open(server).then(
      (socket) => callback?.(null, socket),
      // Node's callback takes (error) alone on failure.
      (error: unknown) => (callback as ((error: unknown) => void) | undefined)?.(error),
    )
    return undefined
  }

  private async open(server: Server): Promise<TLSSocket> {
    const { fingerprint, ca } = this.trust
    if (fingerprint !== undefined) {
      const socket = await handshake(server, judgedByUs)
      const failure = pinFailure(socket, fingerprint)
      if (failure === undefined) return socket
      socket.destroy()
      throw failure
    }
    const own = ca === undefined ? undefined : ownCertificate(ca, server.host)
    if (own !== undefined) {
      const socket = await handshake(server, judgedByUs)
      if (isVouchedFor(socket, own)) return socket
      // Another certificate may still be signed by this one, and if not, Node says best what is wrong with it.
      socket.destroy()
    }
    return handshake(server, { ca, rejectUnauthorized: true })
  }
}

interface Server {
  /** IPv6 without brackets. */
  host: string
  port: number
}

/**
 * Node's own check is off, and ours decides before the socket is handed over. The empty list of CAs then saves Node
 * from parsing all of its own, which is a fifth of a short command's time.
 */
const judgedByUs: ConnectionOptions = { ca: [], rejectUnauthorized: false }

/** A connection after the handshake. Rejects with ConnectFailure. */
async function handshake({ host, port }: Server, trust: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host, port, servername: serverName(host), ALPNProtocols: ['http/1.1'], ...trust })
  socket.setNoDelay(true)
  return new Promise((resolve, reject) => {
    const fail = (failure: ConnectFailure): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(failure)
    }
    const timer = setTimeout(
      () => fail(new ConnectFailure('ETIMEDOUT', `no connection within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    )
    // Stays on the socket: an error before HTTP listens itself would be nobody's, and end the program.
    socket.on('error', (error: NodeJS.ErrnoException) => fail(asConnectFailure(error)))
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

function pinFailure(socket: TLSSocket, fingerprint: string): ConnectFailure | undefined {
  const presented = socket.getPeerCertificate().fingerprint256
  if (presented === fingerprint) return undefined
  return new ConnectFailure('EPIN', `the certificate is ${presented}, pinned is ${fingerprint}`, presented)
}

function asConnectFailure(error: NodeJS.ErrnoException): ConnectFailure {
  // A host with several addresses fails with one error per address and an empty message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  const shown = first instanceof Error ? first : error
  return new ConnectFailure(error.code ?? 'EUNKNOWN', shown.message)
}
