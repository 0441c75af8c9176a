import type { SessionParameters } from './negotiation.js'
import type { Outbox } from './outbox.js'
import { noTag, opcode } from './pdu.js'
import type { ScsiReply } from './scsi/command.js'
import { replyTo } from './scsi/execute.js'
import { status } from './scsi/sense.js'
import type { OutgoingPdu, Sender } from './sender.js'
import type { TargetDisk } from './target-backend.js'
import type { Task } from './task-set.js'

/** Above so much unsent data further reads wait, so that an initiator that does not listen costs little memory. */
const backlogLimit = 8 * 1024 * 1024

interface Position {
  offset: number
  /** Bytes that are sent, EDTL permitting, and where in them we are. */
  length: number
  sent: number
  /** What the command would have sent. */
  full: number
  number: number
}

/** Data-In and SCSI Response PDUs (RFC 7143 11.4, 11.7), the status in the last Data-In when it is GOOD. */
export class DataIn {
  private held: (() => void)[] = []

  constructor(
    private readonly sender: Sender,
    private readonly outbox: Outbox,
    private readonly parameters: SessionParameters,
  ) {}

  /** Lets reads that were held back go on when enough has been sent. */
  resume(): void {
    if (this.held.length > 0 && this.outbox.backlog <= backlogLimit) this.wake()
  }

  /** Lets every held read look again: those that were aborted end, the others wait on. */
  wake(): void {
    const held = this.held
    this.held = []
    for (const go of held) go()
  }

  /** Sends a part of the disk, read straight into the outgoing PDUs; `undefined` when all is sent already. */
  read(task: Task, disk: TargetDisk, part: { offset: number; length: number }): Promise<void> | undefined {
    const at: Position = {
      offset: part.offset,
      length: Math.min(part.length, task.expected),
      sent: 0,
      full: part.length,
      number: 0,
    }
    if (at.length === 0) {
      this.respond(task, { status: status.good }, part.length)
      return undefined
    }
    try {
      const waiting = this.readOn(task, disk, at)
      return waiting?.catch((error: unknown) => this.failRead(task, error))
    } catch (error) {
      this.failRead(task, error)
      return undefined
    }
  }

  /** The status of a command and what data it answers; `full` overrides how much it had to say. */
  respond(task: Task, reply: ScsiReply, full = reply.data?.length ?? 0): void {
    const data = reply.data ?? Buffer.alloc(0)
    if (data.length > 0 && task.reads && task.expected > 0) {
      this.sendData(task, data)
      return
    }
    const pdu = this.sender.begin(opcode.scsiResponse, reply.sense ? reply.sense.length + 2 : 0)
    const { header } = pdu
    task.header.copy(header, 16, 16, 20)
    header[3] = reply.status
    setResidual(header, task, task.writes ? task.asked : full)
    if (reply.sense) {
      header.writeUInt16BE(reply.sense.length, pdu.dataStart)
      reply.sense.copy(header, pdu.dataStart + 2)
    }
    this.sender.send(pdu, true)
  }

  private sendData(task: Task, data: Buffer): void {
    const at: Position = {
      offset: 0,
      length: Math.min(data.length, task.expected),
      sent: 0,
      full: data.length,
      number: 0,
    }
    while (at.sent < at.length) {
      const pdu = this.beginPiece(at)
      data.copy(pdu.header, pdu.dataStart, at.sent, at.sent + pdu.dataLength)
      this.sendPiece(task, pdu, at)
    }
  }

  /** Sends pieces until a read takes its time or the outbox is full; the rest follows asynchronously. */
  private readOn(task: Task, disk: TargetDisk, at: Position): Promise<void> | undefined {
    while (at.sent < at.length) {
      if (this.outbox.backlog > backlogLimit) return this.readLater(task, disk, at)
      const pdu = this.beginPiece(at)
      const into = pdu.header.subarray(pdu.dataStart, pdu.dataStart + pdu.dataLength)
      try {
        const pending = disk.readInto
          ? disk.readInto(at.offset + at.sent, into)
          : disk.read(at.offset + at.sent, into.length).then((data) => void into.fill(0, data.copy(into)))
        if (pending) return this.readRest(pending, task, disk, at, pdu)
      } catch (error) {
        this.sender.discard(pdu)
        throw error
      }
      this.sendPiece(task, pdu, at)
    }
    return undefined
  }

  private async readLater(task: Task, disk: TargetDisk, at: Position): Promise<void> {
    await new Promise<void>((go) => this.held.push(go))
    if (!task.aborted) await this.readOn(task, disk, at)
  }

  private async readRest(
    pending: Promise<void>,
    task: Task,
    disk: TargetDisk,
    at: Position,
    pdu: OutgoingPdu,
  ): Promise<void> {
    try {
      await pending
    } catch (error) {
      this.sender.discard(pdu)
      throw error
    }
    if (task.aborted) {
      this.sender.discard(pdu)
      return
    }
    this.sendPiece(task, pdu, at)
    await this.readOn(task, disk, at)
  }

  private failRead(task: Task, error: unknown): void {
    if (!task.aborted) this.respond(task, replyTo(error))
  }

  private beginPiece(at: Position): OutgoingPdu {
    const { initiatorMaxDataLength, maxBurstLength } = this.parameters
    const leftInBurst = maxBurstLength - (at.sent % maxBurstLength)
    return this.sender.begin(opcode.dataIn, Math.min(at.length - at.sent, initiatorMaxDataLength, leftInBurst))
  }

  private sendPiece(task: Task, pdu: OutgoingPdu, at: Position): void {
    const { header, dataLength } = pdu
    const end = at.sent + dataLength
    const last = end === at.length
    header[1] = last || end % this.parameters.maxBurstLength === 0 ? 0x80 : 0
    task.header.copy(header, 16, 16, 20)
    header.writeUInt32BE(noTag, 20)
    header.writeUInt32BE(at.number, 36)
    header.writeUInt32BE(at.sent, 40)
    if (last) {
      header[1] = 0x81
      setResidual(header, task, at.full)
    }
    at.sent = end
    at.number += 1
    this.sender.send(pdu, last)
  }
}

/** Residual count and its flags: what the command moved against what the initiator expected. */
function setResidual(header: Buffer, task: Task, moved: number): void {
  const difference = task.expected - moved
  if (difference === 0) return
  header[1] = (header[1] ?? 0) | (difference > 0 ? 0x02 : 0x04)
  header.writeUInt32BE(Math.min(Math.abs(difference), 0xffff_ffff), 44)
}
