import { request as httpRequest, type IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Deadline } from '../../base/deadline.js'
import { AcsError, messageOf } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import type { ReleaseAnswer } from '../../volume/take-over-policy.js'
import { formatHostPort, parsePeerAddress, type PeerAddress } from './address.js'
import { fingerprintOf, type PeerIdentity } from './identity.js'
import { maxAnswerBytes, parseAnswer, parseFailure, releasePath } from './messages.js'

export interface HolderQuestion {
  /** `a` of the holder's record: `HOST:PORT#FINGERPRINT`. */
  address: string
  /** Who asks: the record of the volume must name this certificate (`q` of volume/trailer.ts). */
  identity: PeerIdentity
  volume: { uuid: string; name: string }
  deadline: Deadline
  /** Time for connection and handshake; default 2 s, which has room for a lost packet. */
  connectMs?: number
  /** Time for the answer; default 15 s. A server of ours says "busy" after 10. */
  answerMs?: number
}

/**
 * Asks the plugin that holds a volume to let go of it. Nothing is sent before the certificate at that address is
 * found to be the recorded one. What it throws tells what is known of the holder:
 *
 * - EACSPEERSILENT: nobody answers at its address, which is what a dead machine looks like.
 * - EACSPEERUNTRUSTED: something answers there that does not have its certificate.
 * - EACSPEERREFUSED: it lives, and found no recent request of ours in the volume's record.
 * - EACSPEERFAILED: it lives and gave no usable answer; or this machine cannot even ask, which says nothing of it.
 * - EACSPEERADDRESS: the record has no usable address.
 */
export async function askHolder(question: HolderQuestion): Promise<ReleaseAnswer> {
  const address = parsePeerAddress(question.address)
  const where = formatHostPort(address)
  question.deadline.check(`asking the volume plugin at ${where}`)
  const socket = await connectTo(address, question)
  try {
    return await post(socket, where, question)
  } finally {
    socket.destroy()
  }
}

/** A connection to the very plugin that the record names. */
async function connectTo(address: PeerAddress, question: HolderQuestion): Promise<TLSSocket> {
  const { identity, deadline, connectMs = 2_000 } = question
  const where = formatHostPort(address)
  const limited = deadline.atMost(connectMs)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address.host,
      port: address.port,
      servername: isIP(address.host) === 0 ? address.host : '',
      key: identity.key,
      cert: identity.cert,
      minVersion: 'TLSv1.3',
      // No CA can vouch for a self-signed certificate: its fingerprint decides, below.
      ca: [],
      rejectUnauthorized: false,
    })
    const fail = (error: unknown): void => {
      settle()
      socket.on('error', () => undefined)
      socket.destroy()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const onAbort = (): void => {
      // The caller's time is up, which says nothing of the holder.
      if (deadline.signal.aborted) fail(asThrown(() => deadline.check(`asking the volume plugin at ${where}`)))
      else fail(silent(where, `no connection within ${connectMs} ms`))
    }
    const onError = (error: NodeJS.ErrnoException): void => fail(connectError(where, error))
    const settle = (): void => {
      limited.signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', onError)
    }
    limited.signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', onError)
    socket.once('secureConnect', () => {
      const presented = fingerprintOf(socket.getPeerX509Certificate()?.raw ?? new Uint8Array())
      if (presented !== address.fingerprint) {
        fail(untrusted(where, `has certificate ${presented}, not the recorded ${address.fingerprint}`))
        return
      }
      settle()
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

async function post(socket: TLSSocket, where: string, question: HolderQuestion): Promise<ReleaseAnswer> {
  const { volume, deadline, answerMs = 15_000 } = question
  const body = JSON.stringify({ volume: volume.uuid, name: volume.name.slice(0, 255) })
  const limited = deadline.atMost(answerMs)
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = httpRequest({
        createConnection: () => socket,
        method: 'POST',
        path: releasePath,
        headers: {
          host: where,
          connection: 'close',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
        signal: limited.signal,
      })
      sent.once('response', resolve)
      sent.once('error', reject)
      sent.end(body)
    })
    return read(answer.statusCode ?? 0, await textOf(answer), where)
  } catch (error) {
    if (error instanceof AcsError) throw error
    deadline.check(`waiting for the answer of the volume plugin at ${where}`)
    // It has proven to live, and works on it still.
    if (limited.signal.aborted) return { state: 'busy', retryAfterMs: 1_000 }
    throw failed(where, `broke off: ${messageOf(error)}`, error)
  }
}

function read(status: number, text: string, where: string): ReleaseAnswer {
  switch (status) {
    case 200: {
      const answer = parseAnswer(text)
      if (answer) return safe(answer)
      throw failed(where, 'answered something this acs does not understand')
    }
    case 403:
      throw new AcsError('auth', 'EACSPEERREFUSED', `its plugin at ${where} found no recent request of this host`, {
        hints: ['The clocks of the two hosts may differ by more than five minutes: date -u'],
        details: { address: where },
      })
    case 429:
      return { state: 'busy', retryAfterMs: 1_000 }
    case 503:
      throw failed(where, 'cannot check the request, as it does not reach the cluster')
    default:
      throw failed(where, `answered ${parseFailure(text) ?? `with HTTP status ${status}`}`)
  }
}

/** Its words go to terminals and logs. */
function safe(answer: ReleaseAnswer): ReleaseAnswer {
  if (answer.state !== 'in-use') return answer
  return { ...answer, by: answer.by.map(printable), text: printable(answer.text) }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What a dead machine, a stopped plugin or a filter in between look like. */
const silentCodes = ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'EPIPE']

function connectError(where: string, error: NodeJS.ErrnoException): AcsError {
  const { code = '' } = error
  if (silentCodes.includes(code)) return silent(where, messageOf(error), error)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_'))
    return untrusted(where, `does not speak its protocol: ${messageOf(error)}`, error)
  // A name that is not found, no route, no free port: all of it is this machine's trouble.
  return new AcsError('failed', 'EACSPEERFAILED', `its plugin at ${where} cannot be asked: ${messageOf(error)}`, {
    cause: error,
    details: { address: where },
  })
}

function silent(where: string, why: string, cause?: unknown): AcsError {
  return new AcsError('timeout', 'EACSPEERSILENT', `its plugin at ${where} does not answer: ${why}`, {
    cause,
    hints: [`Check the way there: nc -vz ${where.replace(/^\[?(.*?)\]?:(\d+)$/, '$1 $2')}`],
    details: { address: where },
  })
}

function untrusted(where: string, what: string, cause?: unknown): AcsError {
  return new AcsError(
    'auth',
    'EACSPEERUNTRUSTED',
    `what answers at ${where} is not its plugin: it ${printable(what)}`,
    {
      cause,
      hints: [
        'The address may have been given to another machine, or that plugin lost its key and has to be restarted',
      ],
      details: { address: where },
    },
  )
}

function failed(where: string, what: string, cause?: unknown): AcsError {
  return new AcsError('failed', 'EACSPEERFAILED', `its plugin at ${where} ${printable(what)}`, {
    cause,
    details: { address: where },
  })
}

function asThrown(check: () => void): unknown {
  try {
    check()
  } catch (error) {
    return error
  }
  return new Error('aborted')
}
