import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/**
 * A raw initiator of the tests' own: it shares no code with the target, so that a wrong belief about the wire
 * shows. It does nothing by itself; tests send what they like, and read what comes.
 */
export interface Received {
  opcode: number
  flags: number
  header: Buffer
  data: Buffer
}

export interface LoginOptions {
  target?: string
  keys?: Record<string, string>
  isid?: string
  secret?: string
  /** Ask the target to prove itself, too. */
  mutual?: boolean
}

export interface Outcome {
  status: number
  data: Buffer
  sense?: { key: number; code: number; bytes: Buffer }
  residual: number
  flags: number
}

export class Initiator {
  commandNumber = 1
  nextTag = 1
  headerDigest = false
  dataDigest = false
  closed: Promise<void>
  private readonly socket: Socket
  private buffer = Buffer.alloc(0)
  private readonly inbox: Received[] = []
  private waiting: (() => void)[] = []
  private over = false
  isid = '80a1b2c3d4e5'

  private constructor(
    socket: Socket,
    readonly name: string,
  ) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('error', () => undefined)
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.over = true
        for (const wake of this.waiting.splice(0)) wake()
        resolve()
      }),
    )
  }

  static async connect(address: string, name = 'iqn.1994-05.test:a'): Promise<Initiator> {
    const at = address.lastIndexOf(':')
    const socket = connect({ host: address.slice(0, at).replace(/[[\]]/g, ''), port: Number(address.slice(at + 1)) })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Initiator(socket, name)
  }

  close(): void {
    this.socket.destroy()
  }

  /** Stops reading from the socket. */
  pause(): void {
    this.socket.pause()
  }

  sendRaw(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  send(header: Buffer, data: Buffer = Buffer.alloc(0)): void {
    header.writeUIntBE(data.length, 5, 3)
    const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)])
    const parts = this.headerDigest ? [header, digest(header)] : [header]
    if (data.length > 0) parts.push(padded)
    if (data.length > 0 && this.dataDigest) parts.push(digest(padded))
    this.socket.write(Buffer.concat(parts))
  }

  /** The next PDU; rejects when the target closes first or nothing comes for 5 s. */
  async receive(): Promise<Received> {
    const deadline = Date.now() + 5000
    for (;;) {
      const next = this.inbox.shift()
      if (next) return next
      if (this.over) throw new Error('the target closed the connection')
      if (Date.now() > deadline) throw new Error('nothing came from the target')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 5000)
        this.waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Whether something has come, after a moment. */
  async isQuiet(ms = 50): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return this.inbox.length === 0
  }

  loginPdu(flags: number, keys: Record<string, string>): Promise<Received> {
    const header = Buffer.alloc(48)
    header[0] = 0x43
    header[1] = flags
    Buffer.from(this.isid, 'hex').copy(header, 8)
    header.writeUInt32BE(0x77, 16)
    header.writeUInt32BE(this.commandNumber, 24)
    this.send(header, text(keys))
    return this.receive()
  }

  /** Two phases; throws the login status as `login 0x0203`. Returns the answer to the last PDU. */
  async login(options: LoginOptions = {}): Promise<Received> {
    const { target, keys = {}, secret } = options
    if (options.isid !== undefined) this.isid = options.isid
    const identity = {
      InitiatorName: this.name,
      SessionType: target === undefined ? 'Discovery' : 'Normal',
      ...(target === undefined ? {} : { TargetName: target }),
      AuthMethod: secret === undefined ? 'None' : 'CHAP,None',
    }
    let answer = await this.loginPdu(0x81, identity)
    statusOf(answer)
    if (keysOf(answer).AuthMethod === 'CHAP') {
      answer = await this.loginPdu(0x01, { CHAP_A: '5' })
      statusOf(answer)
      const asked = keysOf(answer)
      const proof = chapProof(Number(asked.CHAP_I), secret ?? '', asked.CHAP_C!)
      const proofKeys: Record<string, string> = { CHAP_N: 'someone', CHAP_R: proof }
      if (options.mutual) Object.assign(proofKeys, { CHAP_I: '9', CHAP_C: '0x00112233445566778899aabbccddeeff' })
      answer = await this.loginPdu(0x81, proofKeys)
      statusOf(answer)
      this.mutualProof = keysOf(answer).CHAP_R
    }
    answer = await this.loginPdu(0x87, { MaxRecvDataSegmentLength: '262144', ...keys })
    if (answer.opcode !== 0x23) throw new Error(`answer is a PDU ${answer.opcode}`)
    this.headerDigest = keysOf(answer).HeaderDigest === 'CRC32C'
    this.dataDigest = keysOf(answer).DataDigest === 'CRC32C'
    return answer
  }

  mutualProof: string | undefined

  commandHeader(cdb: Buffer, flags: number, expected: number, lun = 0): Buffer {
    const header = Buffer.alloc(48)
    header[0] = 0x01
    header[1] = flags
    header[9] = lun
    header.writeUInt32BE(this.nextTag, 16)
    header.writeUInt32BE(expected, 20)
    header.writeUInt32BE(this.commandNumber, 24)
    cdb.copy(header, 32)
    this.nextTag += 1
    this.commandNumber = (this.commandNumber + 1) >>> 0
    return header
  }

  /** A command whose data-out, if any, is immediate. */
  async command(cdbHex: string, options: { out?: Buffer; in?: number; lun?: number } = {}): Promise<Outcome> {
    const { out, in: expectedIn = 0, lun = 0 } = options
    const flags = 0x81 | (out ? 0x20 : 0) | (expectedIn > 0 ? 0x40 : 0)
    this.send(this.commandHeader(cdb(cdbHex), flags, out?.length ?? expectedIn, lun), out)
    return this.outcome()
  }

  /** Gathers Data-In up to the status. */
  async outcome(): Promise<Outcome> {
    const pieces: Buffer[] = []
    for (;;) {
      const pdu = await this.receive()
      const residual = pdu.header.readUInt32BE(44)
      if (pdu.opcode === 0x25) {
        pieces.push(pdu.data)
        if ((pdu.flags & 1) !== 0)
          return { status: pdu.header[3]!, data: Buffer.concat(pieces), residual, flags: pdu.flags }
        continue
      }
      if (pdu.opcode !== 0x21) throw new Error(`PDU 0x${pdu.opcode.toString(16)} instead of a response`)
      const bytes = pdu.data.subarray(2)
      const sense = pdu.data.length > 0 ? { key: bytes[2]! & 15, code: bytes.readUInt16BE(12), bytes } : undefined
      return { status: pdu.header[3]!, data: Buffer.concat(pieces), sense, residual, flags: pdu.flags }
    }
  }

  private take(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk])
    for (;;) {
      if (this.buffer.length < 48) break
      const length = this.buffer.readUIntBE(5, 3)
      const padded = length + (-length & 3)
      const dataStart = 48 + (this.headerDigest ? 4 : 0)
      const dataEnd = dataStart + padded
      const size = dataEnd + (length > 0 && this.dataDigest ? 4 : 0)
      if (this.buffer.length < size) break
      const pdu = this.buffer.subarray(0, size)
      const data = pdu.subarray(dataStart, dataStart + length)
      if (dataStart > 48 && !digest(pdu.subarray(0, 48)).equals(pdu.subarray(48, 52))) throw new Error('header digest')
      if (size > dataEnd && !digest(pdu.subarray(dataStart, dataEnd)).equals(pdu.subarray(dataEnd)))
        throw new Error('data digest')
      this.inbox.push({ opcode: pdu[0]! & 0x3f, flags: pdu[1]!, header: pdu.subarray(0, 48), data })
      this.buffer = this.buffer.subarray(size)
    }
    for (const wake of this.waiting.splice(0)) wake()
  }
}

export function cdb(hex: string): Buffer {
  const bytes = Buffer.alloc(16)
  Buffer.from(hex.replaceAll(' ', ''), 'hex').copy(bytes)
  return bytes
}

export function text(keys: Record<string, string>): Buffer {
  return Buffer.from(
    Object.entries(keys)
      .map(([key, value]) => `${key}=${value}\0`)
      .join(''),
  )
}

export function keysOf(pdu: Received): Record<string, string> {
  return Object.fromEntries(
    pdu.data
      .toString()
      .split('\0')
      .filter((pair) => pair !== '')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
}

/** Throws unless the login goes on. */
export function statusOf(pdu: Received): void {
  const status = pdu.header.readUInt16BE(36)
  if (pdu.opcode !== 0x23) throw new Error(`answer is a PDU 0x${pdu.opcode.toString(16)}`)
  if (status >= 0x0200) throw new Error(`login 0x${status.toString(16).padStart(4, '0')}`)
}

export function chapProof(identifier: number, secret: string, challenge: string): string {
  const bytes = Buffer.from(challenge.slice(2), 'hex')
  return `0x${createHash('md5')
    .update(Buffer.from([identifier]))
    .update(secret)
    .update(bytes)
    .digest('hex')}`
}

function digest(bytes: Buffer): Buffer {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  const value = Buffer.alloc(4)
  value.writeUInt32LE(~crc >>> 0)
  return value
}
