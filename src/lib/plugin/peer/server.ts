import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { AcsError, messageOf } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import type { ReleaseAnswer } from '../../volume/take-over-policy.js'
import type { PluginLog } from '../driver.js'
import { formatHostPort, type HostPort } from './address.js'
import { admitConnections, type Admission } from './admission.js'
import { fingerprintOf, type PeerIdentity } from './identity.js'
import { formatAnswer, maxQuestionBytes, parseQuestion, releasePath, type Question } from './messages.js'
import { createRateLimit } from './rate-limit.js'

export interface PeerServerOptions {
  listen: HostPort
  identity: PeerIdentity
  /**
   * Whether the cluster's record, read now, says that the host with that certificate asks for the volume
   * (`isEntitled` of volume/hand-over-request.ts). Called for anybody who connects, at the rate of `limits`.
   */
  authorise(volumeUuid: string, fingerprint: string): Promise<boolean>
  /**
   * Lets go of the volume, or says why not. Called once at a time for each volume; whoever asks meanwhile gets the
   * same answer. It may take longer than the client waits: that one hears "busy" and asks again.
   */
  release(request: ReleaseRequest): Promise<ReleaseAnswer>
  log: PluginLog
  limits?: Partial<PeerLimits>
}

export interface ReleaseRequest {
  /** UUID of the volume group. */
  uuid: string
  /** As the other host knows it, for logs. */
  name: string
  /** Certificate of the host that asks. */
  fingerprint: string
}

export interface PeerLimits {
  /** Connections that have not shown yet that they may ask; the oldest make room for new ones. */
  strangers: number
  strangersOfOneAddress: number
  /** Time from the connection to a question that may be asked. */
  patienceMs: number
  /** After that long the answer is "busy", and the release goes on. */
  answerWithinMs: number
  /** Questions of one address, and of all together. */
  burst: number
  perSecond: number
  burstOfAll: number
  perSecondOfAll: number
}

const defaultLimits: PeerLimits = {
  strangers: 512,
  strangersOfOneAddress: 128,
  patienceMs: 10_000,
  answerWithinMs: 10_000,
  burst: 128,
  perSecond: 32,
  burstOfAll: 256,
  perSecondOfAll: 64,
}

export interface PeerServer {
  /** With the port it got. */
  listening: HostPort
  /** Takes no more questions, answers those it has, and ends. */
  close(): Promise<void>
}

/**
 * Listens for other hosts' plugins that ask for a volume. Who they are is not in the connection but in the
 * cluster: anyone may connect with any certificate, and gets an answer with a word in it only when the record of
 * the volume, which takes Prism's credentials to write, names that certificate. Throws EACSPEERLISTEN.
 */
export async function startPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const { listen, identity, log } = options
  const limits = { ...defaultLimits, ...options.limits }
  const server = createServer({
    key: identity.key,
    cert: identity.cert,
    requestCert: true,
    // Possession of the key is proven by the handshake (RFC 8446 4.4.3); whose key that is, `authorise` knows.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    handshakeTimeout: limits.patienceMs,
    // A resumed session would come without a certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
    maxHeaderSize: 4_096,
  })
  const admission = admitConnections(server, limits)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (!socket.getPeerX509Certificate()) socket.destroy()
  })
  server.on('tlsClientError', (error, socket) => {
    log.debug({ from: socket.remoteAddress, error: messageOf(error) }, 'a TLS handshake failed')
    socket.destroy()
  })
  server.on('clientError', (error, socket) => {
    log.debug({ error: messageOf(error) }, 'not a request')
    socket.destroy()
  })
  const answerTo = createAnswerer(options, limits, admission)
  server.on('request', (request, response) => {
    // Nothing but the status for those who may not ask; not even our clock.
    response.sendDate = false
    void answerTo(request).then(({ status, body = '' }) => {
      const type = body === '' ? {} : { 'content-type': 'application/json' }
      const length = { 'content-length': Buffer.byteLength(body) }
      response.writeHead(status, { connection: 'close', ...length, ...type }).end(body)
    })
  })
  const port = await listenOn(server, listen)
  return {
    listening: { host: listen.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        admission.dismissStrangers()
      }),
  }
}

interface Answer {
  status: 200 | 400 | 403 | 404 | 429 | 500 | 503
  body?: string
}

/** Answers one request; never rejects. */
function createAnswerer(
  options: PeerServerOptions,
  limits: PeerLimits,
  admission: Admission,
): (request: IncomingMessage) => Promise<Answer> {
  const { log } = options
  const rates = createRateLimit(
    { burst: limits.burst, perSecond: limits.perSecond },
    { burst: limits.burstOfAll, perSecond: limits.perSecondOfAll },
  )
  const releaseOnce = shared(options)

  return async (request) => {
    const { socket } = request
    const from = socket.remoteAddress ?? ''
    const fingerprint = fingerprintOfClient(socket)
    if (fingerprint === undefined) return { status: 403 }
    if (!rates.take(from)) return { status: 429 }
    if (request.url !== releasePath || request.method !== 'POST') return { status: 404 }
    const question = await readQuestion(request)
    if (question === undefined) return { status: 400 }
    const fields = { from, volume: question.volume, name: printable(question.name), fingerprint }
    try {
      if (!(await options.authorise(question.volume, fingerprint))) {
        log.debug(fields, 'a question that the record of the volume does not announce')
        return { status: 403 }
      }
    } catch (error) {
      log.warn({ ...fields, error: messageOf(error) }, 'a question of another host could not be checked')
      return { status: 503 }
    }
    admission.admit(socket, limits.answerWithinMs + limits.patienceMs)
    try {
      const answer = await within(limits.answerWithinMs, releaseOnce(question, fingerprint))
      log.info({ ...fields, answer: answer.state }, 'another host asked for a volume')
      return { status: 200, body: formatAnswer(answer) }
    } catch (error) {
      log.error({ ...fields, error: messageOf(error) }, 'a volume could not be released to another host')
      return { status: 500, body: JSON.stringify({ error: messageOf(error).slice(0, 1_000) }) }
    }
  }
}

/** One release of a volume at a time: everybody who asks meanwhile waits for the same one. */
function shared(options: PeerServerOptions): (question: Question, fingerprint: string) => Promise<ReleaseAnswer> {
  const running = new Map<string, Promise<ReleaseAnswer>>()
  return (question, fingerprint) => {
    const uuid = question.volume.toLowerCase()
    const there = running.get(uuid)
    if (there) return there
    const started = (async () => options.release({ uuid, name: question.name, fingerprint }))().finally(() =>
      running.delete(uuid),
    )
    // Also when nobody waits for it any more.
    started.catch(() => undefined)
    running.set(uuid, started)
    return started
  }
}

function fingerprintOfClient(socket: Socket): string | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  return certificate && fingerprintOf(certificate.raw)
}

async function readQuestion(request: IncomingMessage): Promise<Question | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxQuestionBytes) return undefined
      chunks.push(chunk)
    }
  } catch {
    return undefined
  }
  return parseQuestion(Buffer.concat(chunks).toString('utf8'))
}

async function within(ms: number, work: Promise<ReleaseAnswer>): Promise<ReleaseAnswer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<ReleaseAnswer>((resolve) => {
    timer = setTimeout(() => resolve({ state: 'busy', retryAfterMs: 500 }), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function listenOn(server: Server, listen: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new AcsError('conflict', 'EACSPEERLISTEN', `cannot listen on ${formatHostPort(listen)}: ${messageOf(error)}`, {
          cause: error,
          hints: ['Other hosts ask here for volumes; choose another address: peer.listen in the configuration'],
        }),
      )
    })
    server.listen(listen.port, listen.host, () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : listen.port)
    })
  })
}
