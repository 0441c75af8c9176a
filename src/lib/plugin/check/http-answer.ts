/** An HTTP/1.1 answer, read off the socket as it came. */
export interface HttpAnswer {
  status: number
  /** By lower-case name; of a repeated header the last. */
  headers: Readonly<Record<string, string>>
  body: Buffer
  /** Whether the connection may carry another request: RFC 9112 9.3. */
  keepsAlive: boolean
}

const largestBytes = 64 * 1024 ** 2

/** Bytes that are no HTTP answer. */
export class NotHttp extends Error {
  override readonly name = 'NotHttp'
}

/**
 * The first whole answer in `bytes`, and how many of them it takes; undefined while it is not all there. An
 * answer without a length goes on until the peer has `ended`. Interim answers (1xx) are passed over.
 * Throws `NotHttp`. Written here rather than taken from node:http, whose client corrects and hides what is checked.
 */
export function readAnswer(bytes: Buffer, ended: boolean): { answer: HttpAnswer; length: number } | undefined {
  if (bytes.length > largestBytes) throw new NotHttp(`more than ${largestBytes / 1024 ** 2} MiB of answer`)
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) {
    checkBeginning(bytes)
    return undefined
  }
  const lines = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const { minor, status } = readStatusLine(lines[0] ?? '')
  const headers = readHeaders(lines.slice(1))
  const start = headEnd + 4
  if (status < 200) {
    const next = readAnswer(bytes.subarray(start), ended)
    return next && { answer: next.answer, length: start + next.length }
  }
  const body = readBody(bytes.subarray(start), status, headers, ended)
  if (!body) return undefined
  const connection = (headers.connection ?? '').toLowerCase()
  const keepsAlive = body.delimited && (minor === 0 ? connection === 'keep-alive' : connection !== 'close')
  return { answer: { status, headers, body: body.content, keepsAlive }, length: start + body.length }
}

interface Body {
  content: Buffer
  length: number
  /** Its end is told; not by the connection's end. */
  delimited: boolean
}

function readBody(
  bytes: Buffer,
  status: number,
  headers: Readonly<Record<string, string>>,
  ended: boolean,
): Body | undefined {
  if (status === 204 || status === 304) return { content: Buffer.alloc(0), length: 0, delimited: true }
  if (/(^|,)\s*chunked\s*$/i.test(headers['transfer-encoding'] ?? '')) return readChunks(bytes)
  const told = headers['content-length']
  if (told === undefined) return ended ? { content: bytes, length: bytes.length, delimited: false } : undefined
  if (!/^\d{1,15}$/.test(told)) throw new NotHttp(`Content-Length "${told}"`)
  const length = Number(told)
  return bytes.length < length ? undefined : { content: bytes.subarray(0, length), length, delimited: true }
}

/** RFC 9112 7.1; trailers are read over. */
function readChunks(bytes: Buffer): Body | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const line = bytes.toString('latin1', at, lineEnd)
    const [, digits] = /^([0-9a-f]{1,8})\s*(?:;.*)?$/i.exec(line) ?? []
    if (digits === undefined) throw new NotHttp(`chunk of size "${line.slice(0, 40)}"`)
    const size = Number.parseInt(digits, 16)
    const start = lineEnd + 2
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', lineEnd)
      return end === -1 ? undefined : { content: Buffer.concat(chunks), length: end + 4, delimited: true }
    }
    if (bytes.length < start + size + 2) return undefined
    chunks.push(bytes.subarray(start, start + size))
    at = start + size + 2
  }
}

/** An answer that does not begin as one need not be waited for. */
function checkBeginning(bytes: Buffer): void {
  const begun = bytes.toString('latin1', 0, 7)
  if (!'HTTP/1.'.startsWith(begun)) throw new NotHttp(`an answer that begins with ${JSON.stringify(begun)}`)
  if (bytes.length > 65_536) throw new NotHttp('headers without an end')
}

function readStatusLine(line: string): { minor: number; status: number } {
  const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(line)
  if (!match) throw new NotHttp(`an answer that begins with ${JSON.stringify(line.slice(0, 40))}`)
  return { minor: Number(match[1]), status: Number(match[2]) }
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 1) throw new NotHttp(`a header ${JSON.stringify(line.slice(0, 40))}`)
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return headers
}
