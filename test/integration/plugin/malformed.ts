/** A sequence of numbers that a seed decides (mulberry32), so that a failure can be had again. */
export class Dice {
  constructor(private state: number) {}

  /** 0 to 1, without 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}

const calls = ['Create', 'Get', 'List', 'Remove', 'Path', 'Mount', 'Unmount', 'Capabilities'] as const
const names = [
  '../../etc',
  '/etc/passwd',
  '..',
  '.',
  '',
  ' ',
  'a\0b',
  'a\nb',
  '\u001b[31mred',
  '\u2028',
  '\ud800',
  '\u202egnp',
  'a\\..\\b',
  '%2e%2e%2fetc',
  'données',
  '数据库',
  '💾',
  '-rf',
  '$(reboot)',
  '__proto__',
  'constructor',
  'toString',
  'db,size=20G,fs=xfs',
  'db,size=',
  'n'.repeat(512),
  'n'.repeat(513),
  'n'.repeat(10_000),
]
const sizes = ['20G', '', '-1', '0', '1e309', 'NaN', '9'.repeat(400), '1.5.5T', '0x10', '\0', '20 G; rm -rf /']

function value(dice: Dice, depth = 0): unknown {
  const kind = dice.below(depth > 3 ? 7 : 9)
  if (kind === 0) return dice.pick(names)
  if (kind === 1) return dice.pick(sizes)
  if (kind === 2) return dice.pick([0, -1, 1e308, 3.5, Number.MAX_SAFE_INTEGER])
  if (kind === 3) return dice.pick([true, false])
  if (kind === 4) return null
  if (kind === 5) return dice.bytes(dice.below(40)).toString('latin1')
  if (kind === 6) return 'good'
  if (kind === 7) return Array.from({ length: dice.below(4) }, () => value(dice, depth + 1))
  return Object.fromEntries(
    Array.from({ length: dice.below(5) }, () => [
      dice.pick(['Name', 'Opts', 'ID', 'size', '__proto__', 'x']),
      value(dice, depth + 1),
    ]),
  )
}

function body(dice: Dice): Buffer {
  const request = {
    ...(dice.below(8) > 0 ? { Name: dice.below(3) > 0 ? dice.pick(names) : value(dice) } : {}),
    ...(dice.below(3) > 0
      ? { Opts: dice.below(3) > 0 ? { size: dice.pick(sizes), fs: value(dice) } : value(dice) }
      : {}),
    ...(dice.below(3) > 0 ? { ID: value(dice) } : {}),
  }
  const text = JSON.stringify(request)
  switch (dice.below(8)) {
    case 0:
      return Buffer.from(text.slice(0, dice.below(text.length)))
    case 1: {
      const bytes = Buffer.from(text)
      for (let count = 0; count < 3; count += 1) bytes[dice.below(bytes.length)] = dice.below(256)
      return bytes
    }
    case 2:
      return dice.bytes(dice.below(200))
    case 3:
      return Buffer.from(
        dice.pick(['', 'null', '[]', '""', '0', '{', '}', '{"Name":', '['.repeat(5_000), `{"a":`.repeat(500)]),
      )
    default:
      return Buffer.from(`${text}\n`)
  }
}

export interface MalformedRequest {
  bytes: Buffer
  /** A connection that carries it may end without an answer: a `Get` that nobody can understand. */
  mayDrop: boolean
}

/** A request that is HTTP and yet none that Docker would send. Has an answer, unless `mayDrop`. */
export function malformedRequest(dice: Dice): MalformedRequest {
  const call = dice.pick(calls)
  const content = body(dice)
  const path =
    dice.below(12) > 0
      ? `/VolumeDriver.${call}`
      : dice.pick([
          '/',
          '*',
          '/VolumeDriver.',
          '/../../etc/passwd',
          '/VolumeDriver.get',
          `/${'p'.repeat(3_000)}`,
          '/Plugin.Activate',
        ])
  const method = dice.below(12) > 0 ? 'POST' : dice.pick(['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
  const host = dice.pick(['Host: \r\n', 'Host: plugin\r\n', '', `Host: ${'h'.repeat(500)}\r\n`])
  const type = dice.pick([
    '',
    'Content-Type: application/json\r\n',
    'Content-Type: text/xml\r\n',
    'Content-Encoding: gzip\r\n',
  ])
  const chunked = dice.below(6) === 0
  const framing = chunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${content.length}\r\n`
  const head = `${method} ${path} HTTP/1.1\r\n${host}${type}${framing}\r\n`
  const bytes = Buffer.concat([Buffer.from(head), chunked ? inChunks(content, dice) : content])
  return { bytes, mayDrop: path === '/VolumeDriver.Get' && method === 'POST' && !isObject(content) }
}

function inChunks(content: Buffer, dice: Dice): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length;) {
    const part = content.subarray(at, at + 1 + dice.below(content.length))
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
    at += part.length
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

function isObject(content: Buffer): boolean {
  try {
    const parsed: unknown = JSON.parse(content.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
  } catch {
    return false
  }
}

/** Bytes that are no HTTP, or break off being it. */
export function brokenHttp(dice: Dice): Buffer {
  const { bytes } = malformedRequest(dice)
  switch (dice.below(9)) {
    case 0:
      return dice.bytes(1 + dice.below(300))
    case 1:
      return Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'latin1')
    case 2: {
      const at = dice.below(Math.min(bytes.length, 60))
      return Buffer.concat([bytes.subarray(0, at), dice.bytes(1 + dice.below(8)), bytes.subarray(at)])
    }
    case 3:
      return Buffer.from(`POST /VolumeDriver.Get HTTP/${dice.pick(['9.9', '1', '', '2.0', '1.1 x'])}\r\n\r\n`)
    case 4:
      return Buffer.from(`POST /VolumeDriver.List HTTP/1.1\r\n${'X-Long: y'.repeat(4_000)}\r\n\r\n`)
    case 5:
      return Buffer.from(
        'POST /VolumeDriver.List HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      )
    case 6:
      return Buffer.from(
        `POST /VolumeDriver.List HTTP/1.1\r\nContent-Length: ${dice.pick(['-1', 'x', '1, 2', '99999999999999999999'])}\r\n\r\n{}`,
      )
    case 7:
      return Buffer.from(
        'POST /VolumeDriver.Create HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"Name":"v"}\r\n0\r\n\r\n',
      )
    default:
      return Buffer.from('CONNECT /VolumeDriver.Get HTTP/1.1\r\nNo Colon Here\r\n\r\n')
  }
}
