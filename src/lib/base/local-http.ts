import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Deadline } from './deadline.js'

/** Far above what anybody on this machine has to say, and still bounded. */
const maxBytes = 64 * 1024 * 1024

/** A GET over a unix socket. Rejects with Node's error, or with one when the answer has no end. */
export async function getLocal(
  socketPath: string,
  path: string,
  { signal }: Pick<Deadline, 'signal'>,
): Promise<{ status: number; text: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ socketPath, path, agent: false, signal, headers: { host: 'localhost' } })
    request.once('response', resolve)
    request.once('error', reject)
    request.end()
  })
  return { status: answer.statusCode ?? 0, text: await textOf(answer) }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
