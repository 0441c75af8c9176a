import type { LoggedIn } from './login.js'
import { byteAt, isImmediate, noTag, opcode, opcodeOf, rejectReason } from './pdu.js'
import type { Pdu } from './pdu.js'
import type { Outbox } from './outbox.js'
import type { LogicalUnits } from './logical-units.js'
import type { LogicalUnit, Nexus } from './scsi/logical-unit.js'
import type { Sender } from './sender.js'
import { CommandSequence } from './sequencing.js'
import { manageTasks } from './task-management.js'
import { TaskSet } from './task-set.js'
import { TextExchange } from './text-exchange.js'

/** What a session needs of its connection. */
export interface SessionLink {
  readonly outbox: Outbox
  readonly sender: Sender
  /** Flushes what is queued and closes. */
  finish: () => void
  /** Closes because of an error that is not the initiator's. */
  broke: (error: unknown) => void
}

export interface SessionOptions {
  login: LoggedIn
  link: SessionLink
  units: LogicalUnits
  /** CmdSN after login. */
  expectedCommand: number
  /** Lines of SendTargets for this initiator. */
  sendTargets: (name: string) => [string, string][]
  rejectUntagged: boolean
}

/** Asynchronous events (RFC 7143 11.9.1). */
export const asyncEvent = { logoutRequest: 1, dropsConnection: 2, dropsSessions: 3 } as const

const pingTag = 0x00_00_00_01
const tooManyRejects = 64

/** The full feature phase of one session: numbering, and who handles which PDU. */
export class Session implements Nexus {
  readonly id: string
  readonly initiatorName: string
  readonly isid: Buffer
  readonly targetName: string
  readonly discovery: boolean
  readonly tasks: TaskSet
  private readonly commands: CommandSequence<Pdu>
  private readonly text: TextExchange
  private readonly sender: Sender
  private readonly units: LogicalUnits
  private earlyBytes = 0
  private rejects = 0
  private over = false

  constructor(private readonly options: SessionOptions) {
    const { login, link, units } = options
    this.initiatorName = login.initiatorName
    this.isid = login.isid
    this.targetName = login.target?.targetName ?? ''
    this.discovery = login.target === undefined
    this.id = `${this.initiatorName},i,0x${this.isid.toString('hex')}|${this.targetName}`
    this.sender = link.sender
    this.units = units
    this.commands = new CommandSequence(options.expectedCommand)
    this.tasks = new TaskSet({
      nexus: this,
      target: login.target,
      parameters: login.parameters,
      outbox: link.outbox,
      sender: link.sender,
      units,
      rejectUntagged: options.rejectUntagged,
      fail: (reason, header) => this.fail(reason, header),
      broke: (error) => link.broke(error),
    })
    this.text = new TextExchange(this, login.parameters, options.sendTargets, link.sender)
  }

  get numbers(): { expectedCommand: number; maximumCommand: number } {
    return { expectedCommand: this.commands.expected, maximumCommand: this.commands.limit(this.tasks.size) }
  }

  receive(pdu: Pdu): void {
    if (this.over) return
    const { header } = pdu
    const code = opcodeOf(header)
    // Error recovery level 0: what was damaged is not asked for again, the session starts over.
    if (pdu.dataDigestWrong) {
      this.fail(rejectReason.dataDigest, header)
      return
    }
    if (code === opcode.dataOut) {
      this.tasks.receiveData(pdu)
      return
    }
    if (code > opcode.logout || code === opcode.login) {
      this.refuse(rejectReason.protocolError, header)
      return
    }
    if (isImmediate(header)) {
      this.handle(code, pdu)
      return
    }
    const place = this.commands.place(header.readUInt32BE(24), pdu)
    if (place === 'never') return
    if (place === 'later') {
      // A gap cannot fill on one TCP connection unless the initiator misnumbers: patience is bounded.
      this.earlyBytes += pdu.data.length
      if (this.earlyBytes > 16 * 1024 * 1024) this.fail(rejectReason.protocolError, header)
      return
    }
    this.handle(code, pdu)
    for (let next = this.commands.next(); next; next = this.commands.next()) {
      this.earlyBytes -= next.data.length
      this.handle(opcodeOf(next.header), next)
    }
  }

  /** NOP-In that wants an answer; the connection measures the silence. */
  ping(): void {
    const pdu = this.sender.begin(opcode.nopIn, 0)
    pdu.header.writeUInt32BE(noTag, 16)
    pdu.header.writeUInt32BE(pingTag, 20)
    this.sender.send(pdu, false)
  }

  /** Tells the initiator that the session ends. */
  announce(event: number): void {
    this.sender.answer(opcode.asyncMessage, Buffer.alloc(0), (header) => {
      header.writeUInt32BE(noTag, 16)
      header[36] = event
    })
  }

  /** Ends everything; resolves when no command of the session touches a disk any more. */
  async end(): Promise<void> {
    this.over = true
    await this.tasks.abort(() => true)
    this.units.leave(this)
  }

  abortTasks(unit: LogicalUnit): Promise<void> {
    return this.tasks.abort((task) => task.unit === unit)
  }

  private handle(code: number, pdu: Pdu): void {
    const { header } = pdu
    switch (code) {
      case opcode.scsiCommand: {
        if (this.discovery) this.refuse(rejectReason.protocolError, header)
        else this.tasks.receiveCommand(pdu)
        return
      }
      case opcode.nopOut: {
        this.answerPing(pdu)
        return
      }
      case opcode.taskManagement: {
        this.manage(header)
        return
      }
      case opcode.text: {
        this.text.receive(pdu)
        return
      }
      case opcode.logout: {
        this.logOut(header)
        return
      }
      default: {
        this.refuse(rejectReason.notSupported, header)
        return
      }
    }
  }

  private answerPing({ header, data }: Pdu): void {
    const tag = header.readUInt32BE(16)
    if (tag === noTag) return
    const { initiatorMaxDataLength } = this.options.login.parameters
    this.sender.answer(opcode.nopIn, data.subarray(0, initiatorMaxDataLength), (answer) => {
      header.copy(answer, 8, 8, 20)
      answer.writeUInt32BE(noTag, 20)
    })
  }

  private manage(header: Buffer): void {
    const answer = (response: number): void => {
      if (this.over) return
      this.sender.answer(opcode.taskManagementResponse, Buffer.alloc(0), (pdu) => {
        pdu[2] = response
        header.copy(pdu, 16, 16, 20)
      })
      this.options.link.outbox.flushSoon()
    }
    const { target } = this.options.login
    if (!target) {
      this.refuse(rejectReason.protocolError, header)
      return
    }
    // The answer waits for the commands it ends: after it, none of them writes any more.
    void manageTasks(header, { session: this, target, units: this.units }).then(answer, (error: unknown) =>
      this.options.link.broke(error),
    )
  }

  private logOut(header: Buffer): void {
    const forRecovery = (byteAt(header, 1) & 0x7f) === 2
    const answer = (): void => {
      this.sender.answer(opcode.logoutResponse, Buffer.alloc(0), (pdu) => {
        if (forRecovery) pdu[2] = 2
        header.copy(pdu, 16, 16, 20)
      })
    }
    if (forRecovery) {
      answer()
      return
    }
    this.over = true
    void this.tasks
      .abort(() => true)
      .then(() => {
        answer()
        this.options.link.finish()
      })
  }

  private refuse(reason: number, header: Buffer): void {
    this.rejects += 1
    if (this.rejects > tooManyRejects) this.fail(reason, header)
    else this.sender.reject(reason, header)
  }

  private fail(reason: number, header: Buffer): void {
    if (this.over) return
    this.over = true
    this.sender.reject(reason, header)
    this.options.link.finish()
  }
}
