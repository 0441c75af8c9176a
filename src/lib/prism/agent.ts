import { Agent, type AgentOptions, type RequestOptions } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { serverName } from './certificate.js'

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
    const { fingerprint, ca } = this.trust
    const host = typeof options.host === 'string' ? options.host.replace(/^\[(.*)\]$/, '$1') : 'localhost'
    const socket = connect({
      host,
      port: Number(options.port),
      servername: serverName(host),
      ALPNProtocols: ['http/1.1'],
      // With a pin Node's own check is off, and ours below decides before the socket is handed over. The empty
      // list of CAs then saves Node from parsing all of its own, which is a fifth of a short command's time.
      ...(fingerprint === undefined ? { ca, rejectUnauthorized: true } : { ca: [], rejectUnauthorized: false }),
    })
    socket.setNoDelay(true)
    const finish = (error?: Error): void => {
      clearTimeout(timer)
      socket.removeListener('error', onError)
      if (error) {
        socket.on('error', () => undefined)
        socket.destroy()
      }
      // Node's callback takes (error) alone on failure.
      callback?.(error ?? null, socket)
    }
    const onError = (error: NodeJS.ErrnoException): void => finish(asConnectFailure(error))
    const timer = setTimeout(
      () => finish(new ConnectFailure('ETIMEDOUT', `no connection within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    )
    socket.once('error', onError)
    socket.once('secureConnect', () => finish(fingerprint === undefined ? undefined : pinFailure(socket, fingerprint)))
    return undefined
  }
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
