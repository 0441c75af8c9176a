import { DataIn } from './data-in.js'
import type { LogicalUnits } from './logical-units.js'
import type { SessionParameters } from './negotiation.js'
import type { Outbox } from './outbox.js'
import { byteAt, isFinal, lunOf, noTag, opcode, rejectReason } from './pdu.js'
import type { Pdu } from './pdu.js'
import type { CommandDefinition, ScsiReply } from './scsi/command.js'
import { blockLength, maxTransferBlocks } from './scsi/command.js'
import { admit, checkCondition, execute, executeWithoutUnit } from './scsi/execute.js'
import type { LogicalUnit, Nexus } from './scsi/logical-unit.js'
import { sense } from './scsi/sense.js'
import type { Sender } from './sender.js'
import { commandWindow } from './sequencing.js'
import type { OpenTarget, TargetDisk } from './target-backend.js'

/** A SCSI command from its PDU to its status. */
export interface Task {
  readonly tag: number
  readonly header: Buffer
  readonly cdb: Buffer
  /** EDTL, and which way. */
  readonly expected: number
  readonly reads: boolean
  readonly writes: boolean
  readonly lun: number | undefined
  disk?: TargetDisk
  unit?: LogicalUnit
  definition?: CommandDefinition
  /** Bytes of data-out to gather, and what the CDB asked for (they differ when EDTL is short). */
  wanted: number
  asked: number
  pieces: Buffer[]
  received: number
  /** Data the initiator may still send without being asked. */
  unsolicited: boolean
  transferTag: number
  dataNumber: number
  grants: number
  granted: number
  aborted: boolean
  running?: Promise<unknown>
}

export interface TaskSetOptions {
  nexus: Nexus
  target: OpenTarget | undefined
  parameters: SessionParameters
  outbox: Outbox
  sender: Sender
  units: LogicalUnits
  rejectUntagged: boolean
  /** Ends the session: the initiator broke the protocol. */
  fail: (reason: number, header: Buffer) => void
  /** Ends the session: something of ours broke. */
  broke: (error: unknown) => void
}

/** Data-out of one command: a COMPARE AND WRITE or parameter list may add little to the largest write. */
const largestDataOut = maxTransferBlocks * blockLength + 64 * 1024
/** Data-out asked for and not yet here, over all commands of a session. */
const grantBudget = 32 * 1024 * 1024
/** Smaller pieces are copied, so that they do not keep a whole input chunk in memory. */
const pieceWorthKeeping = 4096
const mostPieces = 8192

/** The SCSI commands of one session, and their data-out: immediate, unsolicited, solicited by R2T. */
export class TaskSet {
  private readonly tasks = new Map<number, Task>()
  private readonly waitingForGrant: Task[] = []
  private grantedBytes = 0
  private nextTransferTag = 1
  private readonly dataIn: DataIn

  constructor(private readonly options: TaskSetOptions) {
    this.dataIn = new DataIn(options.sender, options.outbox, options.parameters)
  }

  get size(): number {
    return this.tasks.size
  }

  has(tag: number): boolean {
    return this.tasks.has(tag)
  }

  /** Bytes have left: reads that were held back go on. */
  resume(): void {
    this.dataIn.resume()
  }

  receiveCommand({ header, data }: Pdu): void {
    const { options } = this
    const flags = byteAt(header, 1)
    const tag = header.readUInt32BE(16)
    if (this.tasks.has(tag)) {
      options.sender.reject(rejectReason.protocolError, header)
      return
    }
    if (this.tasks.size >= commandWindow + 16) {
      options.sender.reject(rejectReason.tooManyImmediate, header)
      return
    }
    if (options.rejectUntagged && (flags & 0x07) === 0) {
      options.sender.reject(rejectReason.invalidField, header)
      return
    }
    const lun = lunOf(header)
    const task: Task = {
      tag,
      header,
      cdb: header.subarray(32, 48),
      expected: header.readUInt32BE(20),
      reads: (flags & 0x40) !== 0,
      writes: (flags & 0x20) !== 0,
      lun,
      disk: lun === undefined ? undefined : options.target?.lun(lun),
      wanted: 0,
      asked: 0,
      pieces: [],
      received: 0,
      unsolicited: (flags & 0x80) === 0,
      transferTag: noTag,
      dataNumber: 0,
      grants: 0,
      granted: 0,
      aborted: false,
    }
    if (data.length > 0 && !this.mayBeImmediate(task, data)) {
      options.fail(rejectReason.protocolError, header)
      return
    }
    if (!task.disk) {
      this.finish(task, executeWithoutUnit(task.cdb, options.target?.luns() ?? []))
      return
    }
    const unit = options.units.of(task.disk)
    task.unit = unit
    const loading = unit.load(task.disk)
    if (!loading) {
      this.begin(task, unit, data)
      return
    }
    const done = loading.then(
      () => task.aborted || this.begin(task, unit, data),
      () => task.aborted || this.finish(task, checkCondition(sense.internalFailure)),
    )
    this.keep(task, done)
  }

  receiveData({ header, data }: Pdu): void {
    const task = this.tasks.get(header.readUInt32BE(16))
    // Data of a command that is over already is on its way for a while.
    if (!task) return
    const inTurn =
      header.readUInt32BE(20) === task.transferTag &&
      (task.unsolicited || task.granted > 0) &&
      header.readUInt32BE(36) === task.dataNumber &&
      header.readUInt32BE(40) === task.received
    const limit = task.unsolicited ? this.options.parameters.firstBurstLength : task.wanted
    if (!inTurn || task.received + data.length > Math.min(limit, task.expected) || task.pieces.length > mostPieces) {
      this.options.fail(rejectReason.protocolError, header)
      return
    }
    task.dataNumber += 1
    this.addPiece(task, data)
    if (!task.unsolicited) {
      const arrived = Math.min(task.granted, data.length)
      task.granted -= arrived
      this.grantedBytes -= arrived
    }
    if (!isFinal(header)) return
    this.takeBack(task)
    task.unsolicited = false
    if (task.definition) this.gatherOrRun(task, task.definition)
    this.grantWaiting()
  }

  /** Ends tasks without a status; resolves when none of them runs any more. */
  async abort(which: (task: Task) => boolean): Promise<void> {
    const ended = [...this.tasks.values()].filter(which)
    for (const task of ended) {
      task.aborted = true
      this.tasks.delete(task.tag)
      this.takeBack(task)
    }
    this.grantWaiting()
    this.dataIn.wake()
    await Promise.allSettled(ended.map((task) => task.running ?? Promise.resolve()))
  }

  private mayBeImmediate(task: Task, data: Buffer): boolean {
    const { immediateData, firstBurstLength } = this.options.parameters
    return task.writes && immediateData && data.length <= firstBurstLength && data.length <= task.expected
  }

  private begin(task: Task, unit: LogicalUnit, immediate: Buffer): void {
    unit.join(this.options.nexus)
    const admission = admit(task.cdb, unit, this.options.nexus)
    if ('status' in admission) {
      this.finish(task, admission)
      return
    }
    task.definition = admission
    task.asked = admission.dataOut?.(task.cdb) ?? 0
    task.wanted = task.writes ? Math.min(task.asked, task.expected) : 0
    if (admission.exact && (task.writes ? task.expected : 0) !== task.asked) {
      this.finish(task, checkCondition(sense.invalidFieldInCdb))
      return
    }
    // More than any command may carry: the command says so itself, without its data.
    if (task.wanted > largestDataOut) {
      task.wanted = 0
      this.run(task, admission)
      return
    }
    if (immediate.length > 0) this.addPiece(task, immediate)
    this.gatherOrRun(task, admission)
  }

  private addPiece(task: Task, data: Buffer): void {
    const useful = data.subarray(0, Math.max(0, task.wanted - task.received))
    if (useful.length > 0) {
      const isLast = task.received + useful.length >= task.wanted
      task.pieces.push(useful.length >= pieceWorthKeeping || isLast ? useful : Buffer.from(useful))
    }
    task.received += data.length
  }

  private gatherOrRun(task: Task, definition: CommandDefinition): void {
    if (task.unsolicited && task.writes && task.received < task.expected) {
      this.tasks.set(task.tag, task)
      return
    }
    if (task.received >= task.wanted) {
      this.run(task, definition)
      return
    }
    this.tasks.set(task.tag, task)
    this.waitingForGrant.push(task)
    this.grantWaiting()
  }

  /** Sends R2Ts while the budget lasts, so that slow or many writers cannot fill the memory. */
  private grantWaiting(): void {
    for (;;) {
      const task = this.waitingForGrant[0]
      if (!task) return
      const length = Math.min(this.options.parameters.maxBurstLength, task.wanted - task.received)
      if (!task.aborted) {
        if (this.grantedBytes > 0 && this.grantedBytes + length > grantBudget) return
        this.grant(task, length)
      }
      this.waitingForGrant.shift()
    }
  }

  private grant(task: Task, length: number): void {
    const { sender } = this.options
    task.granted = length
    this.grantedBytes += length
    task.dataNumber = 0
    task.transferTag = this.nextTransferTag
    this.nextTransferTag = (this.nextTransferTag + 1) % noTag
    const pdu = sender.begin(opcode.readyToTransfer, 0)
    const { header } = pdu
    task.header.copy(header, 8, 8, 20)
    header.writeUInt32BE(task.transferTag, 20)
    header.writeUInt32BE(task.grants, 36)
    header.writeUInt32BE(task.received, 40)
    header.writeUInt32BE(length, 44)
    task.grants += 1
    sender.send(pdu, false)
  }

  private takeBack(task: Task): void {
    this.grantedBytes -= task.granted
    task.granted = 0
  }

  private run(task: Task, definition: CommandDefinition): void {
    const { disk, unit } = task
    if (!disk || !unit || task.lun === undefined) return
    const reply = execute(definition, {
      cdb: task.cdb,
      data: task.pieces.length === 1 && task.pieces[0] ? task.pieces[0] : Buffer.concat(task.pieces),
      lun: task.lun,
      disk,
      unit,
      nexus: this.options.nexus,
      luns: () => this.options.target?.luns() ?? [],
    })
    task.pieces = []
    if (!(reply instanceof Promise)) {
      this.finish(task, reply)
      return
    }
    this.keep(
      task,
      reply.then((late) => task.aborted || this.finish(task, late)),
    )
  }

  /** A task that goes on after this turn. */
  private keep(task: Task, done: Promise<unknown>): void {
    this.tasks.set(task.tag, task)
    task.running = done.then(() => this.options.outbox.flushSoon(), this.options.broke)
  }

  private finish(task: Task, reply: ScsiReply): void {
    if (reply.read && task.disk && task.reads) {
      const reading = this.dataIn.read(task, task.disk, reply.read)
      if (!reading) {
        this.tasks.delete(task.tag)
        return
      }
      this.tasks.set(task.tag, task)
      task.running = reading.then(() => {
        if (this.tasks.get(task.tag) === task) this.tasks.delete(task.tag)
        this.options.outbox.flushSoon()
      }, this.options.broke)
      return
    }
    this.tasks.delete(task.tag)
    this.dataIn.respond(task, reply)
  }
}
