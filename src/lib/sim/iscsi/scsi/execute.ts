import { DiskFault } from '../target-backend.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import { definitionOf } from './commands.js'
import { inquiryWithoutUnit } from './inquiry-commands.js'
import type { LogicalUnit, Nexus } from './logical-unit.js'
import { reportLunsOf } from './primary-commands.js'
import { conflicts } from './reservations.js'
import { CheckCondition, encodeSense, sense, senseKey, status } from './sense.js'
import type { SenseCode } from './sense.js'

const inquiry = 0x12
const reportLuns = 0xa0
const requestSense = 0x03

/** Commands that a pending unit attention does not stop (SPC-4 5.14.1). */
const attentionFree = new Set([inquiry, reportLuns, requestSense])
/** Commands that a RESERVE of another nexus does not stop (SPC-2 5.5.1); RELEASE does nothing then. */
const reserveFree = new Set([inquiry, reportLuns, requestSense, 0x17, 0x57])

/**
 * Whether a command may go on: known, no unit attention, no reservation against it. Returns its definition or
 * the reply that ends it.
 */
export function admit(cdb: Buffer, unit: LogicalUnit, nexus: Nexus): CommandDefinition | ScsiReply {
  const opcode = cdb.readUInt8(0)
  try {
    if (!attentionFree.has(opcode)) {
      const code = unit.takeAttention(nexus)
      if (code !== undefined) return checkCondition({ key: senseKey.unitAttention, code })
    }
    const definition = definitionOf(cdb)
    return isReserved(definition, cdb, unit, nexus) ? { status: status.reservationConflict } : definition
  } catch (error) {
    return replyTo(error)
  }
}

/** Runs an admitted command, all of its data-out at hand. Never throws or rejects. */
export function execute(definition: CommandDefinition, command: ScsiCommand): ScsiReply | Promise<ScsiReply> {
  // Asked again: a reservation may have come while the data was on its way.
  if (isReserved(definition, command.cdb, command.unit, command.nexus)) return { status: status.reservationConflict }
  const writes = definition.access === 'write'
  try {
    const reply = definition.run(command)
    return reply instanceof Promise ? reply.catch((error: unknown) => replyTo(error, writes)) : reply
  } catch (error) {
    return replyTo(error, writes)
  }
}

function isReserved(definition: CommandDefinition, cdb: Buffer, unit: LogicalUnit, nexus: Nexus): boolean {
  if (unit.reservedBy && unit.reservedBy !== nexus && !reserveFree.has(definition.opcode)) return true
  if (!unit.reservations.reservation) return false
  const access = typeof definition.access === 'function' ? definition.access(cdb) : definition.access
  return conflicts(unit.reservations, nexus.id, access)
}

/** The reply of a LUN behind which there is no disk. */
export function executeWithoutUnit(cdb: Buffer, luns: readonly number[]): ScsiReply {
  try {
    switch (cdb.readUInt8(0)) {
      case inquiry:
        return inquiryWithoutUnit(cdb)
      case reportLuns:
        return reportLunsOf(cdb, luns)
      case requestSense:
        return { status: status.good, data: encodeSense(sense.unitNotSupported).subarray(0, cdb.readUInt8(4)) }
      default:
        return checkCondition(sense.unitNotSupported)
    }
  } catch (error) {
    return replyTo(error)
  }
}

export function checkCondition(code: SenseCode): ScsiReply {
  return { status: status.checkCondition, sense: encodeSense(code) }
}

/** Sense data of whatever a command or a disk threw. */
export function replyTo(error: unknown, writes = false): ScsiReply {
  if (error instanceof CheckCondition)
    return { status: status.checkCondition, sense: encodeSense(error.sense, error.details) }
  if (error instanceof DiskFault)
    return checkCondition(writes && error.fault === 'medium-error' ? sense.writeError : faults[error.fault])
  // A cut-off CDB or parameter list read past its end.
  if (error instanceof RangeError) return checkCondition(sense.invalidFieldInCdb)
  return checkCondition(sense.internalFailure)
}

const faults: Readonly<Record<DiskFault['fault'], SenseCode>> = {
  'medium-error': sense.unrecoveredRead,
  'no-space': sense.spaceExhausted,
  'hardware-error': sense.internalFailure,
}
