import { connect } from 'node:net'

export interface WireAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** A connection to a plugin's socket, byte by byte: what a test sends is what arrives. */
export interface Wire {
  send(bytes: string | Uint8Array): void
  /** The next answer; rejects when the connection ends before. */
  answer(): Promise<WireAnswer>
  /** How many answers came that nobody asked for yet. */
  readonly waiting: number
  /** The connection is over, whoever ended it. */
  closed: Promise<void>
  isClosed(): boolean
  /** Says that no more is sent. */
  halfClose(): void
  hangUp(): void
}

export async function openWire(path: string): Promise<Wire> {
  const socket = connect({ path, allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const answers: WireAnswer[] = []
  const takers: { resolve: (answer: WireAnswer) => void; reject: (error: Error) => void }[] = []
  let buffer = Buffer.alloc(0)
  let over = false
  socket.on('data', (chunk) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
    for (let found = takeAnswer(buffer); found; found = takeAnswer(buffer)) {
      buffer = buffer.subarray(found.length)
      // 100 Continue comes before the answer proper.
      if (found.answer.status === 100) continue
      const taker = takers.shift()
      if (taker) taker.resolve(found.answer)
      else answers.push(found.answer)
    }
  })
  socket.on('error', () => undefined)
  socket.on('end', () => socket.destroy())
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      over = true
      for (const { reject } of takers.splice(0)) reject(new Error('the connection ended without an answer'))
      resolve()
    })
  })
  return {
    send: (bytes) => void (socket.destroyed || socket.write(bytes)),
    answer() {
      const ready = answers.shift()
      if (ready) return Promise.resolve(ready)
      if (over) return Promise.reject(new Error('the connection ended without an answer'))
      return new Promise((resolve, reject) => takers.push({ resolve, reject }))
    },
    get waiting() {
      return answers.length
    },
    closed,
    isClosed: () => over,
    halfClose: () => void socket.end(),
    hangUp: () => void socket.destroy(),
  }
}

function takeAnswer(buffer: Buffer): { answer: WireAnswer; length: number } | undefined {
  const end = buffer.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [first = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? Number.NaN)
  if (Number.isNaN(status)) throw new Error(`no HTTP answer: ${first}`)
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const length = end + 4 + Number(headers['content-length'] ?? 0)
  if (buffer.length < length) return undefined
  return { answer: { status, headers, body: buffer.toString('utf8', end + 4, length) }, length }
}

/** A request as dockerd 20.10 sends it, byte for byte (docker-protocols.md A.2). */
export function dockerdRequest(call: string, body = ''): string {
  return (
    `POST /${call} HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
    `Accept: application/vnd.docker.plugins.v1.2+json\r\n\r\n${body}`
  )
}

/** A request as Podman 4.3.1 sends it. */
export function podmanRequest(call: string, body = ''): string {
  const type = body === '' ? '' : 'Content-Type: application/vnd.docker.plugins.v1.1+json\r\n'
  return (
    `POST /${call} HTTP/1.1\r\nHost: plugin\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
    `${type}Accept-Encoding: gzip\r\n\r\n${body}`
  )
}
