import type { TargetDisk } from '../target-backend.js'
import type { LogicalUnit, Nexus } from './logical-unit.js'
import type { Access } from './reservations.js'
import { CheckCondition, invalidCdb, sense, status } from './sense.js'

export const blockLength = 512
/** Blocks of one READ, WRITE or VERIFY, as VPD B0h says; a real cluster refuses more than about this (reported). */
export const maxTransferBlocks = 8192

/** A command at a logical unit, data-out included. */
export interface ScsiCommand {
  cdb: Buffer
  data: Buffer
  lun: number
  disk: TargetDisk
  unit: LogicalUnit
  nexus: Nexus
  /** All LUNs of the target. */
  luns: () => number[]
}

/** `data` goes in; `read` is a part of the disk that the transport reads piece by piece. */
export interface ScsiReply {
  status: number
  sense?: Buffer
  data?: Buffer
  read?: { offset: number; length: number }
}

export interface CommandDefinition {
  name: string
  opcode: number
  serviceAction?: number
  /** CDB usage map for REPORT SUPPORTED OPERATION CODES, hex, opcode first; its length is the CDB's. */
  usage: string
  access: Access | ((cdb: Buffer) => Access)
  /** Bytes of data-out the CDB asks for; absent: none. */
  dataOut?: (cdb: Buffer) => number
  /** EDTL must be what the CDB asks for: half a pattern or comparison is never meant. */
  exact?: true
  run: (command: ScsiCommand) => ScsiReply | Promise<ScsiReply>
}

export const good: ScsiReply = { status: status.good }

/** Parameter data, cut to the allocation length of the CDB. */
export function parameters(data: Buffer, allocationLength: number): ScsiReply {
  return { status: status.good, data: data.subarray(0, allocationLength) }
}

export interface BlockRange {
  /** First block. */
  lba: number
  blocks: number
}

/** Blocks of the disk; a last part of a block is out of reach. */
export function blocksOf(disk: TargetDisk): number {
  return Math.floor(disk.sizeBytes / blockLength)
}

/** LBA and length of READ, WRITE, VERIFY and the like by the group code in the opcode (SPC-4 4.3.2). */
export function blockRange(cdb: Buffer): BlockRange {
  switch (cdb.readUInt8(0) >>> 5) {
    case 0:
      return { lba: cdb.readUIntBE(1, 3) & 0x1f_ffff, blocks: cdb.readUInt8(4) || 256 }
    case 1:
    case 2:
      return { lba: cdb.readUInt32BE(2), blocks: cdb.readUInt16BE(7) }
    case 5:
      return { lba: cdb.readUInt32BE(2), blocks: cdb.readUInt32BE(6) }
    default:
      return { lba: readLba64(cdb, 2), blocks: cdb.readUInt32BE(10) }
  }
}

/** A 64-bit LBA; those above 2^53 are beyond any disk and need not be exact. */
export function readLba64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}

export function checkRange({ lba, blocks }: BlockRange, disk: TargetDisk): void {
  const capacity = blocksOf(disk)
  if (lba >= capacity || blocks > capacity - lba) throw new CheckCondition(sense.lbaOutOfRange, { information: lba })
}

/** Range check, transfer limit, and no protection information (`RDPROTECT`, `WRPROTECT`, `VRPROTECT`). */
export function checkedRange(command: ScsiCommand): BlockRange {
  const { cdb } = command
  const range = blockRange(cdb)
  const opcode = cdb.readUInt8(0)
  if (opcode >= 0x20 && cdb.readUInt8(1) >>> 5 !== 0) throw invalidCdb(1, 7)
  checkRange(range, command.disk)
  if (range.blocks > maxTransferBlocks) throw invalidCdb(opcode >= 0xa0 ? 6 : opcode >= 0x80 ? 10 : 7)
  return range
}
