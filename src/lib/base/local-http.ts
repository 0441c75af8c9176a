import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Deadline } from './deadline.js'

/** Far above what anybody on this machine has to say, and still bounded. */
const longest = 64 * 1024 * 1024

export interface LocalQuestion {
  path: string
  method?: 'GET' | 'POST'
  body?: string
  /** Of the answer. */
  maxBytes?: number
}

/** A call over a unix socket. Rejects with Node's error, or with one when the answer is longer than it may be. */
export async function askLocal(
  socketPath: string,
  { path, method = 'GET', body = '', maxBytes = longest }: LocalQuestion,
  { signal }: Pick<Deadline, 'signal'>,
): Promise<{ status: number; text: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ socketPath, path, method, agent: false, signal, headers: { host: 'localhost' } })
    request.once('response', resolve)
    request.once('error', reject)
    request.end(body)
  })
  return { status: answer.statusCode ?? 0, text: await textOf(answer, maxBytes) }
}

async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
