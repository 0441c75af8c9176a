import type { SessionParameters } from './negotiation.js'
import { negotiate } from './negotiation.js'
import { byteAt, noTag, opcode, rejectReason } from './pdu.js'
import type { Pdu } from './pdu.js'
import type { Sender } from './sender.js'
import { encodeTextKeys, parseTextKeys, TextFormatError } from './text-keys.js'

const maxText = 64 * 1024
const goesOn = 0x40

/** Text requests after login: SendTargets, in answers of several PDUs when long (RFC 7143 11.10, Appendix C). */
export class TextExchange {
  private asked: Buffer = Buffer.alloc(0)
  private left: Buffer = Buffer.alloc(0)
  private tag = noTag

  constructor(
    private readonly session: { discovery: boolean; targetName: string },
    private readonly parameters: SessionParameters,
    private readonly sendTargets: (name: string) => [string, string][],
    private readonly sender: Sender,
  ) {}

  receive({ header, data }: Pdu): void {
    const tag = header.readUInt32BE(20)
    if (tag !== noTag) {
      if (tag !== this.tag) {
        this.sender.reject(rejectReason.invalidField, header)
        return
      }
      if (this.left.length > 0) {
        this.answer(header)
        return
      }
    } else {
      this.asked = Buffer.alloc(0)
      this.left = Buffer.alloc(0)
    }
    if (this.asked.length + data.length > maxText) {
      this.sender.reject(rejectReason.protocolError, header)
      return
    }
    this.asked = Buffer.concat([this.asked, data])
    if ((byteAt(header, 1) & goesOn) === 0) {
      try {
        this.left = encodeTextKeys(this.answersTo(parseTextKeys(this.asked)))
      } catch (error) {
        if (error instanceof TextFormatError) {
          this.sender.reject(rejectReason.protocolError, header)
          return
        }
        throw error
      }
      this.asked = Buffer.alloc(0)
    }
    this.answer(header)
  }

  private answer(header: Buffer): void {
    const part = this.left.subarray(0, this.parameters.initiatorMaxDataLength)
    this.left = this.left.subarray(part.length)
    const unfinished = this.left.length > 0
    // While the initiator still sends its part, the exchange needs a tag to go on by, too.
    const open = unfinished || (byteAt(header, 1) & goesOn) !== 0
    this.tag = open ? (this.tag === noTag ? 1 : this.tag) : noTag
    this.sender.answer(opcode.textResponse, part, (pdu) => {
      pdu[1] = unfinished ? goesOn : open ? 0 : 0x80
      header.copy(pdu, 16, 16, 20)
      pdu.writeUInt32BE(this.tag, 20)
    })
  }

  private answersTo(keys: ReadonlyMap<string, string>): [string, string][] {
    const answers: [string, string][] = []
    for (const [key, value] of keys) {
      if (key === 'SendTargets') answers.push(...this.targets(value))
      else if (key === 'MaxRecvDataSegmentLength') answers.push(...negotiate(new Map([[key, value]]), this.parameters))
      else answers.push([key, 'NotUnderstood'])
    }
    return answers
  }

  /** `All` belongs to discovery sessions; a normal one may ask for its own target. */
  private targets(value: string): [string, string][] {
    if (this.session.discovery) return this.sendTargets(value)
    if (value === 'All') return [['SendTargets', 'Reject']]
    return this.sendTargets(value === '' ? this.session.targetName : value)
  }
}
