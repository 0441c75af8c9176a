import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder, writeDurably } from '../../base/durable-file.js'
import { AcsError, messageOf } from '../../base/errors.js'

/** Who this plugin is to others: whoever shows the certificate that the cluster's records name. */
export interface PeerIdentity {
  /** PEM. Never leaves this machine. */
  key: string
  /** PEM. */
  cert: string
  fingerprint: string
  /** Why it was made anew just now, when there was one that cannot be used. */
  renewed?: string
}

/** The first 16 bytes of a certificate's SHA-256, as base64url: 128 bits are enough against a second preimage. */
export function fingerprintOf(certificateDer: Uint8Array): string {
  return createHash('sha256').update(certificateDer).digest().subarray(0, 16).toString('base64url')
}

/**
 * This plugin's key and self-signed certificate, made at the first start and kept in `peer/identity.pem`, mode 0600.
 * One that others may have read, or that is damaged, is replaced: the records of the volumes held here must then
 * be told (`advertise`). Throws EACSPEERIDENTITY.
 */
export async function peerIdentity(stateFolder: string): Promise<PeerIdentity> {
  const folder = join(stateFolder, 'peer')
  const path = join(folder, 'identity.pem')
  try {
    await ensureFolder(folder)
    const there = await read(path)
    if (typeof there === 'object') return there
    // Key and certificate in one file: a crash never leaves one without the other.
    const { key, cert } = await make()
    await writeDurably(path, key + cert, 0o600)
    return { key, cert, ...fingerprint(cert), ...(there === undefined ? {} : { renewed: there }) }
  } catch (error) {
    throw new AcsError('precondition', 'EACSPEERIDENTITY', `the key of this plugin: ${messageOf(error)}`, {
      cause: error,
      hints: [`It is kept in ${path}, which only root may read`],
    })
  }
}

/** What is there; as text, why it cannot be used. */
async function read(path: string): Promise<PeerIdentity | string | undefined> {
  let text: string
  let mode: number
  try {
    text = await readFile(path, 'utf8')
    mode = (await stat(path)).mode
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  if ((mode & 0o077) !== 0) return `${path} was open to others (mode ${(mode & 0o777).toString(8)})`
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text)?.[0]
  const cert = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(text)?.[0]
  try {
    if (key === undefined || cert === undefined) throw new Error('it lacks the key or the certificate')
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not the certificate’s')
    return { key, cert, ...fingerprint(cert) }
  } catch (error) {
    return `${path} was damaged: ${messageOf(error)}`
  }
}

function fingerprint(cert: string): { fingerprint: string } {
  return { fingerprint: fingerprintOf(new X509Certificate(cert).raw) }
}

async function make(): Promise<{ key: string; cert: string }> {
  const { default: selfsigned } = await import('selfsigned')
  // Only the fingerprint counts: neither name nor date is looked at, so it need not end while a volume is held.
  const made = await selfsigned.generate([{ name: 'commonName', value: 'acs volume plugin' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date('2000-01-01'),
    notAfterDate: new Date('2049-12-31'),
  })
  const asRead = (pem: string): string => pem.replaceAll('\r', '').trim() + '\n'
  return { key: asRead(made.private), cert: asRead(made.cert) }
}
