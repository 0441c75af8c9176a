import { crc32c } from './crc32c.js'
import type { SessionParameters } from './negotiation.js'
import type { Outbox, Region } from './outbox.js'
import { headerLength, noTag, opcode, padded, setDataLength } from './pdu.js'

/** The numbers every PDU to the initiator carries. */
export interface Numbers {
  expectedCommand: number
  maximumCommand: number
}

/** Builds PDUs to the initiator in the outbox: header, status number, digests, padding. */
export class Sender {
  /** StatSN of the next status. */
  statusNumber = 0
  parameters: SessionParameters | undefined

  constructor(
    private readonly outbox: Outbox,
    private readonly numbers: () => Numbers,
  ) {}

  /** A PDU to fill in; `send` sends it. The header is zeroed, the data is not. */
  begin(code: number, dataLength: number): OutgoingPdu {
    const headDigest = this.parameters?.headerDigest === true ? 4 : 0
    const dataDigest = dataLength > 0 && this.parameters?.dataDigest === true ? 4 : 0
    const dataStart = headerLength + headDigest
    const region = this.outbox.take(dataStart + padded(dataLength) + dataDigest)
    const { bytes } = region
    bytes.fill(0, 0, headerLength)
    bytes[0] = code
    bytes[1] = 0x80
    if (dataLength > 0) setDataLength(bytes, dataLength)
    return { region, header: bytes, dataStart, dataLength }
  }

  /** `status`: this PDU takes a status number; otherwise the field shows the next one. */
  send(pdu: OutgoingPdu, status: boolean): void {
    const { region, header, dataStart, dataLength } = pdu
    const { expectedCommand, maximumCommand } = this.numbers()
    header.writeUInt32BE(this.statusNumber, 24)
    header.writeUInt32BE(expectedCommand, 28)
    header.writeUInt32BE(maximumCommand, 32)
    if (status) this.statusNumber = (this.statusNumber + 1) >>> 0
    if (dataLength > 0) {
      const end = dataStart + padded(dataLength)
      if (end !== dataStart + dataLength) header.fill(0, dataStart + dataLength, end)
      if (end < header.length) header.writeUInt32LE(crc32c(header.subarray(dataStart, end)), end)
    }
    if (dataStart > headerLength) header.writeUInt32LE(crc32c(header.subarray(0, headerLength)), headerLength)
    this.outbox.append(region)
  }

  /** For a PDU that is not sent after all. */
  discard(pdu: OutgoingPdu): void {
    this.outbox.discard(pdu.region)
  }

  /** A whole PDU with a status number: `fill` sets what is particular to it. */
  answer(code: number, data: Buffer, fill: (header: Buffer) => void): void {
    const pdu = this.begin(code, data.length)
    data.copy(pdu.header, pdu.dataStart)
    fill(pdu.header)
    this.send(pdu, true)
  }

  reject(reason: number, offender: Buffer): void {
    this.answer(opcode.reject, offender, (header) => {
      header[2] = reason
      header.writeUInt32BE(noTag, 16)
    })
  }
}

export interface OutgoingPdu {
  region: Region
  /** The whole PDU; the header comes first. */
  header: Buffer
  dataStart: number
  dataLength: number
}
