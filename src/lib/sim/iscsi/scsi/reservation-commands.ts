import { good, parameters } from './command.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import { clear, formatReservations, holds, preempt, register, release, reserve } from './reservations.js'
import type { Registration, ReservationOutcome, ReservationRequest, Reservations } from './reservations.js'
import { CheckCondition, invalidCdb, invalidParameter, sense, status } from './sense.js'

/** PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16). */
export const reservationCommands: CommandDefinition[] = [
  ...['READ KEYS', 'READ RESERVATION', 'REPORT CAPABILITIES', 'READ FULL STATUS'].map((name, serviceAction) => ({
    name: `PERSISTENT RESERVE IN, ${name}`,
    opcode: 0x5e,
    serviceAction,
    usage: `5e0${serviceAction}0000000000ffff04`,
    access: 'always' as const,
    run: persistentReserveIn,
  })),
  ...[
    'REGISTER',
    'RESERVE',
    'RELEASE',
    'CLEAR',
    'PREEMPT',
    'PREEMPT AND ABORT',
    'REGISTER AND IGNORE EXISTING KEY',
  ].map((name, serviceAction) => ({
    name: `PERSISTENT RESERVE OUT, ${name}`,
    opcode: 0x5f,
    serviceAction,
    usage: `5f0${serviceAction}ff0000ffffffff04`,
    access: 'always' as const,
    dataOut: (cdb: Buffer) => cdb.readUInt32BE(5),
    run: persistentReserveOut,
  })),
]

function persistentReserveIn({ cdb, unit }: ScsiCommand): ScsiReply {
  const answers = [readKeys, readReservation, reportCapabilities, readFullStatus]
  const answer = answers[cdb.readUInt8(1) & 0x1f]
  if (!answer) throw invalidCdb(1, 4)
  return parameters(answer(unit.reservations), cdb.readUInt16BE(7))
}

function withHead(state: Reservations, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(state.generation, 0)
  head.writeUInt32BE(body.length, 4)
  return Buffer.concat([head, body])
}

function readKeys(state: Reservations): Buffer {
  return withHead(state, Buffer.from(state.registrations.map(({ key }) => key).join(''), 'hex'))
}

function readReservation(state: Reservations): Buffer {
  if (!state.reservation) return withHead(state, Buffer.alloc(0))
  const body = Buffer.alloc(16)
  Buffer.from(state.reservation.key, 'hex').copy(body)
  body[13] = state.reservation.type
  return withHead(state, body)
}

function reportCapabilities(state: Reservations): Buffer {
  const answer = Buffer.alloc(8)
  answer.writeUInt16BE(8, 0)
  answer[2] = 0x01 // PTPL_C
  answer[3] = 0x80 | (state.persist ? 0x01 : 0) // TMV, PTPL_A
  answer[4] = 0x80 | 0x40 | 0x20 | 0x08 | 0x02 // WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX
  answer[5] = 0x01 // EX_AC_AR
  return answer
}

function readFullStatus(state: Reservations): Buffer {
  return withHead(state, Buffer.concat(state.registrations.map((one) => fullStatusOf(state, one))))
}

function fullStatusOf(state: Reservations, one: Registration): Buffer {
  // iSCSI TransportID with initiator port identifier (SPC-4 7.6.4.6).
  const name = Buffer.from(`${one.initiatorName},i,0x${one.isid}\0`)
  const padding = Buffer.alloc(Math.max(-name.length & 3, 20 - name.length))
  const transport = Buffer.concat([Buffer.from([0x45, 0, 0, 0]), name, padding])
  transport.writeUInt16BE(name.length + padding.length, 2)
  const descriptor = Buffer.alloc(24)
  Buffer.from(one.key, 'hex').copy(descriptor)
  if (holds(state, one.nexus)) {
    descriptor[12] = 0x01
    descriptor[13] = state.reservation?.type ?? 0
  }
  descriptor.writeUInt16BE(1, 18)
  descriptor.writeUInt32BE(transport.length, 20)
  return Buffer.concat([descriptor, transport])
}

async function persistentReserveOut({ cdb, data, unit, nexus, disk }: ScsiCommand): Promise<ScsiReply> {
  const action = cdb.readUInt8(1) & 0x1f
  if (cdb.readUInt32BE(5) !== 24 || data.length < 24) throw new CheckCondition(sense.parameterListLength)
  const flags = data.readUInt8(20)
  // SPEC_I_PT and ALL_TG_PT are not offered (REPORT CAPABILITIES).
  if ((action === 0 || action === 6) && (flags & 0x0c) !== 0) throw invalidParameter(20)
  // Scope other than the logical unit.
  if (action >= 1 && action <= 5 && action !== 3 && cdb.readUInt8(2) >>> 4 !== 0) throw invalidCdb(2, 7)
  const request: ReservationRequest = {
    actor: {
      nexus: nexus.id,
      initiatorName: nexus.initiatorName,
      isid: nexus.isid.toString('hex'),
      targetName: nexus.targetName,
    },
    reservationKey: data.toString('hex', 0, 8),
    serviceActionKey: data.toString('hex', 8, 16),
    type: cdb.readUInt8(2) & 0x0f,
    persist: (flags & 1) !== 0,
  }
  if (unit.reservedBy && unit.reservedBy !== nexus) return { status: status.reservationConflict }
  const outcome = act(action, unit.reservations, request)
  if (outcome.result !== 'good') {
    if (outcome.result === 'conflict') return { status: status.reservationConflict }
    if (outcome.result === 'invalid-release') throw new CheckCondition(sense.invalidRelease)
    throw action === 1 ? invalidCdb(2, 3) : invalidParameter(8)
  }

  const before = formatReservations(unit.reservations)
  const after = formatReservations(outcome.next)
  // In force at once, so that no command slips through while the record is written.
  unit.reservations = outcome.next
  const told = [...unit.nexuses]
  for (const { nexus: id, code } of outcome.attentions)
    for (const other of told) if (other.id === id && other !== nexus) unit.attendOne(other, code)
  await Promise.all(
    told.filter((one) => outcome.abort.includes(one.id) && one !== nexus).map((one) => one.abortTasks(unit)),
  )
  if (before !== after) await disk.saveReservations(after)
  return good
}

function act(action: number, state: Reservations, request: ReservationRequest): ReservationOutcome {
  switch (action) {
    case 0:
      return register(state, request, false)
    case 1:
      return reserve(state, request)
    case 2:
      return release(state, request)
    case 3:
      return clear(state, request)
    case 4:
      return preempt(state, request, false)
    case 5:
      return preempt(state, request, true)
    case 6:
      return register(state, request, true)
    default:
      throw invalidCdb(1, 4)
  }
}
