import { connect, type TLSSocket } from 'node:tls'
import { isIP } from 'node:net'
import { messageOf } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import { parseEndpoint } from './endpoint.js'
import { unreachable } from './errors.js'

/** The certificate a server showed, for a human or a pin to judge. */
export interface PresentedCertificate {
  /** SHA-256 of the DER, as `AA:BB:...`, the form openssl prints. */
  fingerprint: string
  subject: string
  issuer: string
  validTo: Date
  /** Valid for this host by the CAs asked for (the system's, unless `ca` was given). */
  trusted: boolean
  /** Why it is not trusted, in Node's words. */
  reason?: string
}

/**
 * The certificate that `endpoint` shows, without trusting it and without sending anything: for the first
 * use, where a person compares the fingerprint, and for error messages. `ca` is PEM text.
 * Throws EACSUNREACHABLE.
 */
export async function fetchCertificate(
  endpoint: string,
  deadline: Deadline,
  ca?: string,
): Promise<PresentedCertificate> {
  const { host, port, authority } = parseEndpoint(endpoint)
  deadline.check(`reading the certificate of ${authority}`)
  const limited = deadline.atMost(10_000)
  return new Promise((resolve, reject) => {
    // Nothing is written to this connection; it ends as soon as the certificate is known.
    const socket = connect({ host, port, servername: serverName(host), ca, rejectUnauthorized: false })
    const abort = (): void => {
      socket.destroy(new Error(`no TLS answer in time`))
    }
    limited.signal.addEventListener('abort', abort, { once: true })
    socket.once('secureConnect', () => {
      limited.signal.removeEventListener('abort', abort)
      resolve(describe(socket))
      socket.destroy()
    })
    socket.once('error', (error) => {
      limited.signal.removeEventListener('abort', abort)
      reject(unreachable(authority, error))
    })
  })
}

/** Empty for an address: SNI carries names only (RFC 6066 3). */
export function serverName(host: string): string {
  return isIP(host) === 0 ? host : ''
}

function describe(socket: TLSSocket): PresentedCertificate {
  const certificate = socket.getPeerCertificate()
  return {
    fingerprint: certificate.fingerprint256,
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    validTo: new Date(certificate.valid_to),
    trusted: socket.authorized,
    // Typed as Error, a code in fact.
    ...(socket.authorized ? {} : { reason: messageOf(socket.authorizationError) }),
  }
}

function nameOf(name: { CN?: string | string[]; O?: string | string[] }): string {
  return [name.CN ?? name.O ?? 'no name'].flat().join(', ')
}
