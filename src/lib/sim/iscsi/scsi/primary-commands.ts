import { encodeLun } from '../pdu.js'
import { blockLength, blockRange, blocksOf, checkRange, good, parameters } from './command.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import type { LogicalUnit, Nexus } from './logical-unit.js'
import { CheckCondition, encodeSense, invalidCdb, sense, senseKey, status } from './sense.js'

/** The commands every disk answers (SPC-4 6, SBC-3 5), RESERVE and RELEASE of SPC-2 included. */
export const primaryCommands: CommandDefinition[] = [
  { name: 'TEST UNIT READY', opcode: 0x00, usage: '000000000004', access: 'always', run: () => good },
  { name: 'REQUEST SENSE', opcode: 0x03, usage: '03010000ff04', access: 'always', run: requestSense },
  { name: 'REPORT LUNS', opcode: 0xa0, usage: 'a000ff000000ffffffff0004', access: 'always', run: reportLuns },
  { name: 'READ CAPACITY(10)', opcode: 0x25, usage: '25000000000000000004', access: 'always', run: readCapacity10 },
  {
    name: 'READ CAPACITY(16)',
    opcode: 0x9e,
    serviceAction: 0x10,
    usage: '9e100000000000000000ffffffff0004',
    access: 'always',
    run: readCapacity16,
  },
  {
    name: 'REPORT TARGET PORT GROUPS',
    opcode: 0xa3,
    serviceAction: 0x0a,
    usage: 'a3ea00000000ffffffff0004',
    access: 'always',
    run: reportTargetPortGroups,
  },
  { name: 'SYNCHRONIZE CACHE(10)', opcode: 0x35, usage: '3502ffffffff1fffff04', access: 'write', run: synchronize },
  {
    name: 'SYNCHRONIZE CACHE(16)',
    opcode: 0x91,
    usage: '9102ffffffffffffffffffffffff1f04',
    access: 'write',
    run: synchronize,
  },
  { name: 'PRE-FETCH(10)', opcode: 0x34, usage: '3402ffffffff1fffff04', access: 'read', run: preFetch },
  { name: 'PRE-FETCH(16)', opcode: 0x90, usage: '9002ffffffffffffffffffffffff1f04', access: 'read', run: preFetch },
  {
    name: 'START STOP UNIT',
    opcode: 0x1b,
    usage: '1b01000ff704',
    access: (cdb) => ((cdb.readUInt8(4) & 0x01) !== 0 ? 'always' : 'write'),
    run: () => good,
  },
  {
    name: 'PREVENT ALLOW MEDIUM REMOVAL',
    opcode: 0x1e,
    usage: '1e0000000304',
    access: (cdb) => ((cdb.readUInt8(4) & 0x03) === 0 ? 'always' : 'write'),
    run: () => good,
  },
  { name: 'RESERVE(6)', opcode: 0x16, usage: '160000000004', access: 'always', run: reserve },
  { name: 'RELEASE(6)', opcode: 0x17, usage: '170000000004', access: 'always', run: release },
  { name: 'RESERVE(10)', opcode: 0x56, usage: '56000000000000000004', access: 'always', run: reserve },
  { name: 'RELEASE(10)', opcode: 0x57, usage: '57000000000000000004', access: 'always', run: release },
]

function requestSense({ cdb, unit, nexus }: ScsiCommand): ScsiReply {
  // Descriptor format is not offered (D_SENSE=0).
  if ((cdb.readUInt8(1) & 1) !== 0) throw invalidCdb(1, 0)
  return parameters(pendingSense(unit, nexus), cdb.readUInt8(4))
}

function pendingSense(unit: LogicalUnit, nexus: Nexus): Buffer {
  const code = unit.takeAttention(nexus)
  return encodeSense(code === undefined ? sense.none : { key: senseKey.unitAttention, code })
}

function reportLuns({ cdb, luns }: ScsiCommand): ScsiReply {
  return reportLunsOf(cdb, luns())
}

/** REPORT LUNS is answered at any LUN, also where there is no disk. */
export function reportLunsOf(cdb: Buffer, luns: readonly number[]): ScsiReply {
  const select = cdb.readUInt8(2)
  const allocationLength = cdb.readUInt32BE(6)
  if (select > 2) throw invalidCdb(2)
  if (allocationLength < 16) throw invalidCdb(6)
  // 1 asks for well-known units, of which there are none.
  const list = select === 1 ? [] : luns.map(encodeLun)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(list.length * 8, 0)
  return parameters(Buffer.concat([head, ...list]), allocationLength)
}

function readCapacity10({ cdb, disk }: ScsiCommand): ScsiReply {
  // PMI is obsolete; an LBA without it never made sense.
  if ((cdb.readUInt8(8) & 1) === 0 && cdb.readUInt32BE(2) !== 0) throw invalidCdb(2)
  const answer = Buffer.alloc(8)
  answer.writeUInt32BE(Math.min(blocksOf(disk) - 1, 0xffff_ffff), 0)
  answer.writeUInt32BE(blockLength, 4)
  return { status: status.good, data: answer }
}

function readCapacity16({ cdb, disk }: ScsiCommand): ScsiReply {
  const answer = Buffer.alloc(32)
  answer.writeBigUInt64BE(BigInt(blocksOf(disk) - 1), 0)
  answer.writeUInt32BE(blockLength, 8)
  answer[13] = 3 // eight logical blocks in a physical one
  answer[14] = 0xc0 // LBPME, LBPRZ
  return parameters(answer, cdb.readUInt32BE(10))
}

function reportTargetPortGroups({ cdb }: ScsiCommand): ScsiReply {
  const extended = cdb.readUInt8(1) >>> 5 === 1
  const head = Buffer.alloc(extended ? 8 : 4)
  if (extended) head[4] = 0x10
  const group = Buffer.alloc(12)
  group[0] = 0x00 // active/optimized, the only state
  group[1] = 0x01
  group.writeUInt16BE(1, 2) // group
  group[7] = 1 // one port, relative identifier 1
  group.writeUInt16BE(1, 10)
  head.writeUInt32BE(head.length - 4 + group.length, 0)
  return parameters(Buffer.concat([head, group]), cdb.readUInt32BE(6))
}

async function synchronize({ cdb, disk }: ScsiCommand): Promise<ScsiReply> {
  checkStart(cdb, disk.sizeBytes)
  // Also with IMMED: an answer before the data is safe would be worth nothing.
  await disk.flush()
  return good
}

function preFetch(command: ScsiCommand): ScsiReply {
  checkStart(command.cdb, command.disk.sizeBytes)
  const range = blockRange(command.cdb)
  if (range.blocks > 0) checkRange(range, command.disk)
  return good
}

/** For commands whose length 0 means "to the end". */
function checkStart(cdb: Buffer, sizeBytes: number): void {
  const { lba, blocks } = blockRange(cdb)
  if (lba + Math.max(1, blocks) > Math.floor(sizeBytes / blockLength))
    throw new CheckCondition(sense.lbaOutOfRange, { information: lba })
}

function reserve({ unit, nexus }: ScsiCommand): ScsiReply {
  if (unit.reservations.registrations.length > 0) return { status: status.reservationConflict }
  unit.reservedBy = nexus
  return good
}

function release({ unit, nexus }: ScsiCommand): ScsiReply {
  if (unit.reservations.registrations.length > 0) return { status: status.reservationConflict }
  if (unit.reservedBy === nexus) unit.reservedBy = undefined
  return good
}
