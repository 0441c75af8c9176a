import type { TargetDisk } from '../target-backend.js'
import { blockLength, checkedRange, good, readLba64, checkRange, blockRange } from './command.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import type { LogicalUnit } from './logical-unit.js'
import { CheckCondition, invalidCdb, sense, status } from './sense.js'

/** Most blocks of one COMPARE AND WRITE, as VPD B0h says. */
export const maxCompareBlocks = 128

const forceUnitAccess = 0x08
const usage = {
  six: '081fffffff04',
  ten: 'faffffffff1fffff04',
  twelve: 'faffffffffffffffff1f04',
  sixteen: 'faffffffffffffffffffffffff1f04',
}

/** READ and WRITE in all lengths, VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, ORWRITE (SBC-3 5). */
export const transferCommands: CommandDefinition[] = [
  { name: 'READ(6)', opcode: 0x08, usage: usage.six, access: 'read', run: read },
  { name: 'READ(10)', opcode: 0x28, usage: `28${usage.ten}`, access: 'read', run: read },
  { name: 'READ(12)', opcode: 0xa8, usage: `a8${usage.twelve}`, access: 'read', run: read },
  { name: 'READ(16)', opcode: 0x88, usage: `88${usage.sixteen}`, access: 'read', run: read },
  {
    name: 'WRITE(6)',
    opcode: 0x0a,
    usage: `0a${usage.six.slice(2)}`,
    access: 'write',
    dataOut: wholeRange,
    run: write,
  },
  { name: 'WRITE(10)', opcode: 0x2a, usage: `2a${usage.ten}`, access: 'write', dataOut: wholeRange, run: write },
  { name: 'WRITE(12)', opcode: 0xaa, usage: `aa${usage.twelve}`, access: 'write', dataOut: wholeRange, run: write },
  { name: 'WRITE(16)', opcode: 0x8a, usage: `8a${usage.sixteen}`, access: 'write', dataOut: wholeRange, run: write },
  {
    name: 'WRITE AND VERIFY(10)',
    opcode: 0x2e,
    usage: '2ef2ffffffff1fffff04',
    access: 'write',
    dataOut: wholeRange,
    run: writeAndVerify,
  },
  {
    name: 'WRITE AND VERIFY(12)',
    opcode: 0xae,
    usage: 'aef2ffffffffffffffff1f04',
    access: 'write',
    dataOut: wholeRange,
    run: writeAndVerify,
  },
  {
    name: 'WRITE AND VERIFY(16)',
    opcode: 0x8e,
    usage: '8ef2ffffffffffffffffffffffff1f04',
    access: 'write',
    dataOut: wholeRange,
    run: writeAndVerify,
  },
  { name: 'VERIFY(10)', opcode: 0x2f, usage: '2ff6ffffffff1fffff04', access: 'read', dataOut: compared, run: verify },
  {
    name: 'VERIFY(12)',
    opcode: 0xaf,
    usage: 'aff6ffffffffffffffff1f04',
    access: 'read',
    dataOut: compared,
    run: verify,
  },
  {
    name: 'VERIFY(16)',
    opcode: 0x8f,
    usage: '8ff6ffffffffffffffffffffffff1f04',
    access: 'read',
    dataOut: compared,
    run: verify,
  },
  {
    name: 'COMPARE AND WRITE',
    opcode: 0x89,
    usage: '89faffffffffffffffff000000ff1f04',
    access: 'write',
    dataOut: (cdb) => 2 * cdb.readUInt8(13) * blockLength,
    exact: true,
    run: compareAndWrite,
  },
  {
    name: 'ORWRITE(16)',
    opcode: 0x8b,
    usage: `8b${usage.sixteen}`,
    access: 'write',
    dataOut: wholeRange,
    run: orWrite,
  },
]

function wholeRange(cdb: Buffer): number {
  return blockRange(cdb).blocks * blockLength
}

function compared(cdb: Buffer): number {
  const mode = byteCheck(cdb)
  return mode === 0 ? 0 : mode === 3 ? blockLength : wholeRange(cdb)
}

/** BYTCHK. */
function byteCheck(cdb: Buffer): number {
  return (cdb.readUInt8(1) >>> 1) & 3
}

function read(command: ScsiCommand): ScsiReply {
  const { lba, blocks } = checkedRange(command)
  if (blocks === 0) return good
  return { status: status.good, read: { offset: lba * blockLength, length: blocks * blockLength } }
}

function write(command: ScsiCommand): ScsiReply | Promise<ScsiReply> {
  const { lba } = checkedRange(command)
  const { cdb, data, disk, unit } = command
  const toMedium = (cdb.readUInt8(0) >= 0x20 && (cdb.readUInt8(1) & forceUnitAccess) !== 0) || !unit.writeCache
  const pending = writeBlocks(disk, unit, lba * blockLength, data)
  if (!toMedium) return pending === undefined ? good : pending.then(() => good)
  return (pending ?? Promise.resolve()).then(() => disk.flush()).then(() => good)
}

/** Writes whole blocks; `undefined` when that is done already. */
export function writeBlocks(
  disk: TargetDisk,
  unit: LogicalUnit,
  offset: number,
  data: Buffer,
): Promise<void> | undefined {
  const whole = data.length % blockLength === 0 ? data : data.subarray(0, data.length - (data.length % blockLength))
  if (whole.length === 0) return undefined
  const run = (): Promise<void> | undefined =>
    disk.writeFrom ? disk.writeFrom(offset, whole) : disk.write(offset, whole)
  if (unit.ranges.quiet && disk.writeFrom) {
    const pending = disk.writeFrom(offset, whole)
    // The claim of a write that goes on keeps later read-modify-write commands off its blocks.
    return pending && unit.ranges.run(offset, offset + whole.length, false, () => pending)
  }
  return unit.ranges.run(offset, offset + whole.length, false, async () => {
    await run()
  })
}

async function writeAndVerify(command: ScsiCommand): Promise<ScsiReply> {
  const { lba } = checkedRange(command)
  const { data, disk, unit } = command
  const offset = lba * blockLength
  await writeBlocks(disk, unit, offset, data)
  await disk.flush()
  if (byteCheck(command.cdb) !== 0 && data.length > 0) compare(await disk.read(offset, data.length), data)
  return good
}

async function verify(command: ScsiCommand): Promise<ScsiReply> {
  const { lba, blocks } = checkedRange(command)
  const { cdb, data, disk } = command
  const mode = byteCheck(cdb)
  if (mode === 2) throw invalidCdb(1, 2)
  if (mode === 0 || blocks === 0) return good
  const stored = await disk.read(lba * blockLength, blocks * blockLength)
  compare(stored, mode === 1 ? data : Buffer.alloc(stored.length, data))
  return good
}

async function compareAndWrite(command: ScsiCommand): Promise<ScsiReply> {
  const { cdb, data, disk, unit } = command
  const lba = readLba64(cdb, 2)
  const blocks = cdb.readUInt8(13)
  if (cdb.readUInt8(1) >>> 5 !== 0) throw invalidCdb(1, 7)
  checkRange({ lba, blocks }, disk)
  if (blocks > maxCompareBlocks) throw invalidCdb(13)
  if (blocks === 0) return good
  const length = blocks * blockLength
  if (data.length < 2 * length) throw invalidCdb(13)
  const offset = lba * blockLength
  await unit.ranges.run(offset, offset + length, true, async () => {
    compare(await disk.read(offset, length), data.subarray(0, length))
    await disk.write(offset, data.subarray(length, 2 * length))
    if ((cdb.readUInt8(1) & forceUnitAccess) !== 0 || !unit.writeCache) await disk.flush()
  })
  return good
}

async function orWrite(command: ScsiCommand): Promise<ScsiReply> {
  const { lba } = checkedRange(command)
  const { cdb, data, disk, unit } = command
  if (data.length === 0) return good
  const offset = lba * blockLength
  await unit.ranges.run(offset, offset + data.length, true, async () => {
    const merged = Buffer.from(await disk.read(offset, data.length))
    for (let at = 0; at < merged.length; at += 1) merged[at] = merged.readUInt8(at) | data.readUInt8(at)
    await disk.write(offset, merged)
    if ((cdb.readUInt8(1) & forceUnitAccess) !== 0 || !unit.writeCache) await disk.flush()
  })
  return good
}

/** INFORMATION carries the offset of the first byte that differs (SBC-3 5.3). */
function compare(stored: Buffer, wanted: Buffer): void {
  if (stored.equals(wanted)) return
  const length = Math.min(stored.length, wanted.length)
  let at = 0
  while (at < length && stored[at] === wanted[at]) at += 1
  throw new CheckCondition(sense.miscompare, { information: at })
}
