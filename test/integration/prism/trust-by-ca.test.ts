import { createPublicKey } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { generate, type CertificateExtension, type SelfsignedOptions } from 'selfsigned'
import { afterEach, describe, expect, it } from 'vitest'
import { ConnectFailure, PrismAgent } from '../../../src/lib/prism/agent.js'

const day = 86_400_000
const named: CertificateExtension = { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }
const authority: CertificateExtension = { name: 'basicConstraints', cA: true, critical: true }
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

interface Pair {
  cert: string
  key: string
}

async function certificate(name: string, options: SelfsignedOptions = {}): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [named],
    ...options,
  })
  // Without a line break at the end, two of them would make one broken file.
  return { cert: `${made.cert.trim()}\n`, key: made.private }
}

interface Server {
  port: number
  /** Handshakes begun. */
  connections: () => number
}

async function serve(pair: Pair, chain = ''): Promise<Server> {
  let connections = 0
  // Level 0: the test is whether the client takes a weak key, so the server must not mind.
  const server = createServer({ key: pair.key, cert: pair.cert + chain, ciphers: 'DEFAULT@SECLEVEL=0' })
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

/** What Node itself makes of the server, given the CA: `trusted`, or the code of its error. */
async function nodesVerdict(port: number, ca: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: '', ca }, () => {
      resolve('trusted')
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

async function ourVerdict(port: number, ca: string): Promise<string> {
  const agent = new PrismAgent({ ca }, {})
  return new Promise((resolve, reject) => {
    agent.createConnection({ host: '127.0.0.1', port }, (error, socket) => {
      if (error === null) socket.destroy()
      if (error === null) resolve('trusted')
      else if (error instanceof ConnectFailure) resolve(error.code)
      else reject(error)
    })
  })
}

describe("a CA file with a server's own certificate is judged as Node would", () => {
  it.each<[string, SelfsignedOptions, string]>([
    ['good', {}, 'trusted'],
    ['a CA', { extensions: [named, authority] }, 'trusted'],
    ['not to sign with', { extensions: [named, { name: 'keyUsage', digitalSignature: true }] }, 'trusted'],
    ['RSA', { keyType: 'rsa', keySize: 2048 }, 'trusted'],
    ['expired', { notBeforeDate: new Date(0), notAfterDate: new Date(day) }, 'CERT_HAS_EXPIRED'],
    ['not valid yet', { notBeforeDate: new Date(Date.now() + day) }, 'CERT_NOT_YET_VALID'],
    ['for clients', { extensions: [named, { name: 'extKeyUsage', clientAuth: true }] }, 'INVALID_PURPOSE'],
    ['to sign with only', { extensions: [named, { name: 'keyUsage', keyCertSign: true }] }, 'INVALID_PURPOSE'],
    [
      'of another host',
      { extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.2' }] }] },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['of no host', { extensions: [authority] }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['with a key too weak', { keyType: 'rsa', keySize: 768 }, 'UNSPECIFIED'],
  ])('%s', async (name, options, verdict) => {
    const pair = await certificate(name, options)
    const { port } = await serve(pair)
    expect(await nodesVerdict(port, pair.cert)).toBe(verdict)
    expect(await ourVerdict(port, pair.cert)).toBe(verdict)
  })

  it('in one handshake', async () => {
    const pair = await certificate('good')
    const { port, connections } = await serve(pair)
    expect(await ourVerdict(port, pair.cert)).toBe('trusted')
    expect(connections()).toBe(1)
  })

  it('another certificate of the same name is refused', async () => {
    const { port } = await serve(await certificate('twin'))
    const { cert } = await certificate('twin')
    expect(await ourVerdict(port, cert)).toBe(await nodesVerdict(port, cert))
    expect(await ourVerdict(port, cert)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  it('a certificate of the same name and key, made anew, is refused', async () => {
    const pair = await certificate('renewed')
    const publicKey = createPublicKey(pair.key).export({ type: 'spki', format: 'pem' }) as string
    const renewed = await generate([{ name: 'commonName', value: 'renewed' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      extensions: [named, authority],
      keyPair: { privateKey: pair.key, publicKey },
    })
    const { port } = await serve({ cert: renewed.cert, key: renewed.private })
    expect(await ourVerdict(port, pair.cert)).toBe(await nodesVerdict(port, pair.cert))
    expect(await ourVerdict(port, pair.cert)).not.toBe('trusted')
  })
})

describe('a CA file with a CA', () => {
  // The second CA bears the server's name, so that it is taken for the server's own certificate at first.
  it.each([[[authority]], [[authority, named]]])('vouches for what it signed, and nothing else', async (extensions) => {
    const ca = await certificate('lab CA', { extensions })
    const signed = await certificate('prism', { ca: { key: ca.key, cert: ca.cert } })
    const { port } = await serve(signed, ca.cert)
    expect(await ourVerdict(port, ca.cert)).toBe('trusted')
    const other = await certificate('lab CA', { extensions })
    expect(await ourVerdict(port, other.cert)).toBe(await nodesVerdict(port, other.cert))
    expect(await ourVerdict(port, other.cert)).not.toBe('trusted')
  })

  it('may hold several', async () => {
    const [one, two] = [await certificate('one'), await certificate('two')]
    const { port } = await serve(two)
    expect(await ourVerdict(port, one.cert + two.cert)).toBe('trusted')
    expect(await ourVerdict(port, one.cert + one.cert)).not.toBe('trusted')
  })

  it('that is broken vouches for nothing', async () => {
    const pair = await certificate('good')
    const { port } = await serve(pair)
    const broken = pair.cert.replace(/\n.{20}/, '\n!!!!')
    expect(await ourVerdict(port, broken)).not.toBe('trusted')
  })
})
