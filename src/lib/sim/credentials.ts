import { randomBytes, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { errorCode } from '../base/errors.js'
import { writeDurably } from '../base/durable-file.js'

export interface Credentials {
  username: string
  password: string
  passwordFile: string
  key: string
  certificate: string
  certificateFile: string
  /** SHA-256 of the certificate, as browsers and ssh-style pinning show it. */
  fingerprint: string
}

/** Reads password and certificate of a data folder, or makes them; a certificate that does not name all `hosts` is made anew. */
export async function ensureCredentials(dataFolder: string, hosts: readonly string[]): Promise<Credentials> {
  const passwordFile = join(dataFolder, 'password')
  const certificateFile = join(dataFolder, 'certificate.pem')
  const keyFile = join(dataFolder, 'key.pem')
  let password = (await readIfPresent(passwordFile))?.trim()
  if (!password) {
    password = randomBytes(15).toString('base64url')
    await writeDurably(passwordFile, `${password}\n`, 0o600)
  }
  const names = [...new Set(hosts.flatMap(namesOf))]
  let certificate = await readIfPresent(certificateFile)
  let key = await readIfPresent(keyFile)
  if (certificate === undefined || key === undefined || !covers(certificate, names)) {
    const made = await makeCertificate(names)
    certificate = made.certificate
    key = made.key
    await writeDurably(keyFile, key, 0o600)
    await writeDurably(certificateFile, certificate, 0o644)
  }
  const { fingerprint256 } = new X509Certificate(certificate)
  return { username: 'admin', password, passwordFile, key, certificate, certificateFile, fingerprint: fingerprint256 }
}

async function makeCertificate(names: readonly string[]): Promise<{ certificate: string; key: string }> {
  const { default: selfsigned } = await import('selfsigned')
  const day = 86_400_000
  const made = await selfsigned.generate([{ name: 'commonName', value: 'acs simulator' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - day),
    notAfterDate: new Date(Date.now() + 825 * day),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name },
        ),
      },
    ],
  })
  return { certificate: made.cert, key: made.private }
}

function namesOf(host: string): string[] {
  const names = ['127.0.0.1', '::1', 'localhost']
  if (host === '0.0.0.0' || host === '::') {
    names.push(hostname())
    for (const addresses of Object.values(networkInterfaces()))
      for (const { address } of addresses ?? []) if (!address.startsWith('fe80:')) names.push(address)
  } else names.push(host)
  return [...new Set(names)]
}

function covers(certificate: string, names: readonly string[]): boolean {
  const parsed = new X509Certificate(certificate)
  if (new Date(parsed.validTo).getTime() < Date.now() + 86_400_000) return false
  return names.every((name) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined)
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
