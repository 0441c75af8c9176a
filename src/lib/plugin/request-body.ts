import type { IncomingMessage } from 'node:http'
import { AcsError } from '../base/errors.js'
import { isRecord } from '../base/record.js'

/** What a request carried: a JSON object, or why there is none. */
export type RequestBody =
  | { kind: 'object'; value: Readonly<Record<string, unknown>> }
  | { kind: 'empty' }
  | { kind: 'unusable'; why: string }
  | { kind: 'aborted' }

/** Reads the body, at most `limitBytes` of it. What the client calls its type counts for nothing: dockerd sends none. */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<RequestBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= limitBytes) chunks.push(chunk)
      else {
        request.removeAllListeners('data')
        request.pause()
        resolve({ kind: 'unusable', why: `the request is longer than ${limitBytes} bytes` })
      }
    })
    request.once('end', () => resolve(parsed(Buffer.concat(chunks).toString('utf8').trim())))
    request.once('error', () => resolve({ kind: 'aborted' }))
    request.once('close', () => resolve({ kind: 'aborted' }))
  })
}

function parsed(text: string): RequestBody {
  if (text === '') return { kind: 'empty' }
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? { kind: 'object', value } : { kind: 'unusable', why: 'the request is JSON, but no object' }
  } catch {
    return { kind: 'unusable', why: 'the request is not JSON' }
  }
}

/** The object in the body, for a call that cannot do without. Throws EACSREQUEST (usage). */
export function objectIn(body: RequestBody): Readonly<Record<string, unknown>> {
  if (body.kind === 'object') return body.value
  if (body.kind === 'unusable') throw new AcsError('usage', 'EACSREQUEST', body.why)
  throw new AcsError('usage', 'EACSREQUEST', 'the request is empty', {
    // dockerd repeats a call whose connection broke, but without its body (docker-protocols.md, finding 2).
    hints: ['Give the docker command again; what it asked for was lost when a connection broke'],
  })
}
