import { X509Certificate } from 'node:crypto'
import { checkServerIdentity, type TLSSocket } from 'node:tls'

/**
 * The certificate of a CA file that holds but one, self-signed and in the name of `host`: then the CA is most likely the
 * server's own certificate. Such a file can be judged without handing it to Node, which would parse all its own CAs
 * first (node: crypto_context.cc, SetCACert): 16 ms of each new process, as long as bare Node takes to start.
 */
export function ownCertificate(ca: string, host: string): X509Certificate | undefined {
  if (ca.split('-----BEGIN ').length !== 2) return undefined
  try {
    const certificate = new X509Certificate(ca)
    const named = checkServerIdentity(host, certificate.toLegacyObject()) === undefined
    return named && certificate.checkIssued(certificate) ? certificate : undefined
  } catch {
    // Whatever is wrong with the file, Node's own words for it come when it is given the file.
    return undefined
  }
}

/**
 * Whether the server showed `own`, byte for byte, and OpenSSL, with no CA at all, had but one thing against it: that
 * it vouches for itself. OpenSSL goes on after that complaint and reports the last one, so dates, purpose, key strength and
 * critical extensions are as they must be (openssl: x509_vfy.c, verify_chain), and the name is: see `ownCertificate`.
 * With `own` for a CA there would have been no complaint.
 */
export function isVouchedFor(socket: TLSSocket, own: X509Certificate): boolean {
  // Typed as Error, a code in fact.
  const complaint = String(socket.authorizationError)
  return complaint === 'DEPTH_ZERO_SELF_SIGNED_CERT' && own.raw.equals(socket.getPeerCertificate().raw)
}
