import { crc32c } from './crc32c.js'
import { byteAt, dataLengthOf, headerLength, padded } from './pdu.js'
import type { Pdu } from './pdu.js'

/** Input after which nothing on the connection can be trusted: too long, or a wrong header digest. */
export class FramingError extends Error {}

const nothing = Buffer.alloc(0)

/**
 * Cuts a byte stream into PDUs. A PDU that lies whole in a chunk is handed out without a copy; one that
 * crosses chunks is gathered in a buffer of exactly its size, so that memory is bounded by `maxDataLength`.
 */
export class Framer {
  headerDigest = false
  dataDigest = false
  maxDataLength = 64 * 1024

  private partial: Buffer | undefined
  private have = 0

  /** Hands every whole PDU to `receive`, which may change digests and limits for the next. Throws `FramingError`. */
  push(chunk: Buffer, receive: (pdu: Pdu) => void): void {
    let at = 0
    if (this.partial) {
      at = this.gather(this.partial, chunk)
      if (this.have < this.partial.length) return
      const whole = this.partial
      this.partial = undefined
      receive(this.split(whole, 0))
    }
    while (at < chunk.length) {
      const left = chunk.length - at
      const size = left < headerLength ? headerLength : this.sizeAt(chunk, at)
      if (left < size) {
        this.partial = Buffer.allocUnsafe(size)
        this.have = chunk.copy(this.partial, 0, at)
        return
      }
      receive(this.split(chunk, at))
      at += size
    }
  }

  /** Fills the partial PDU, which grows once its header is there; returns how much of the chunk it took. */
  private gather(partial: Buffer, chunk: Buffer): number {
    let at = chunk.copy(partial, this.have, 0, partial.length - this.have)
    this.have += at
    if (this.have < partial.length) return at
    const size = this.sizeAt(partial, 0)
    if (size === partial.length) return at
    this.partial = Buffer.allocUnsafe(size)
    partial.copy(this.partial)
    const more = chunk.copy(this.partial, this.have, at)
    this.have += more
    at += more
    return at
  }

  private sizeAt(bytes: Buffer, at: number): number {
    const dataLength = (byteAt(bytes, at + 5) << 16) | (byteAt(bytes, at + 6) << 8) | byteAt(bytes, at + 7)
    if (dataLength > this.maxDataLength)
      throw new FramingError(`data segment of ${dataLength} bytes, ${this.maxDataLength} allowed`)
    const head = headerLength + byteAt(bytes, at + 4) * 4 + (this.headerDigest ? 4 : 0)
    return dataLength === 0 ? head : head + padded(dataLength) + (this.dataDigest ? 4 : 0)
  }

  private split(bytes: Buffer, start: number): Pdu {
    const header = bytes.subarray(start, start + headerLength)
    const extraLength = byteAt(header, 4) * 4
    let at = start + headerLength + extraLength
    const extra = extraLength === 0 ? nothing : bytes.subarray(at - extraLength, at)
    if (this.headerDigest) {
      if (crc32c(bytes.subarray(start, at)) !== bytes.readUInt32LE(at)) throw new FramingError('wrong header digest')
      at += 4
    }
    const dataLength = dataLengthOf(header)
    if (dataLength === 0) return { header, extra, data: nothing, dataDigestWrong: false }
    const end = at + padded(dataLength)
    const dataDigestWrong = this.dataDigest && crc32c(bytes.subarray(at, end)) !== bytes.readUInt32LE(end)
    return { header, extra, data: bytes.subarray(at, at + dataLength), dataDigestWrong }
  }
}
