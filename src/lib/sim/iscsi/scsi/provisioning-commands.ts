import { blockLength, blocksOf, checkRange, good, parameters, readLba64 } from './command.js'
import type { BlockRange, CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import { CheckCondition, invalidCdb, invalidParameter, sense } from './sense.js'

/** Limits that VPD B0h announces. A real vDisk counts in 1 MiB pieces. */
export const provisioningLimits = {
  unmapBlocks: 0x0800_0000,
  unmapDescriptors: 256,
  unmapGranularity: 2048,
  writeSameBlocks: 0x0080_0000,
}

const mib = 1024 * 1024

/** UNMAP, WRITE SAME, GET LBA STATUS (SBC-3 5). */
export const provisioningCommands: CommandDefinition[] = [
  {
    name: 'UNMAP',
    opcode: 0x42,
    usage: '42010000000000ffff04',
    access: 'write',
    dataOut: (cdb) => cdb.readUInt16BE(7),
    run: unmap,
  },
  {
    name: 'WRITE SAME(10)',
    opcode: 0x41,
    usage: '41f8ffffffff1fffff04',
    access: 'write',
    dataOut: () => blockLength,
    exact: true,
    run: (command) => writeSame(command, { lba: command.cdb.readUInt32BE(2), blocks: command.cdb.readUInt16BE(7) }),
  },
  {
    name: 'WRITE SAME(16)',
    opcode: 0x93,
    usage: '93f9ffffffffffffffffffffffff1f04',
    access: 'write',
    dataOut: (cdb) => (hasNoDataOut(cdb) ? 0 : blockLength),
    exact: true,
    run: (command) => writeSame(command, { lba: readLba64(command.cdb, 2), blocks: command.cdb.readUInt32BE(10) }),
  },
  {
    name: 'GET LBA STATUS',
    opcode: 0x9e,
    serviceAction: 0x12,
    usage: '9e12ffffffffffffffffffffffff0004',
    access: 'read',
    run: getLbaStatus,
  },
]

async function unmap({ cdb, data, disk, unit }: ScsiCommand): Promise<ScsiReply> {
  if ((cdb.readUInt8(1) & 1) !== 0) throw invalidCdb(1, 0)
  if (cdb.readUInt16BE(7) === 0) return good
  if (data.length < 8) throw new CheckCondition(sense.parameterListLength)
  const length = Math.min(data.readUInt16BE(2), data.length - 8)
  const ranges: BlockRange[] = []
  for (let at = 8; at + 16 <= 8 + length; at += 16)
    ranges.push({ lba: readLba64(data, at), blocks: data.readUInt32BE(at + 8) })
  if (ranges.length > provisioningLimits.unmapDescriptors) throw invalidParameter(2)
  const total = ranges.reduce((sum, { blocks }) => sum + blocks, 0)
  if (total > provisioningLimits.unmapBlocks) throw invalidParameter(16)
  // All or nothing: every range is checked before the first is touched.
  const used = ranges.filter(({ blocks }) => blocks > 0)
  for (const range of used) checkRange(range, disk)
  await Promise.all(
    used.map(({ lba, blocks }) => {
      const start = lba * blockLength
      const size = blocks * blockLength
      return unit.ranges.run(start, start + size, false, () => disk.zero(start, size))
    }),
  )
  return good
}

/** NDOB: the block is all zeros and not sent. */
function hasNoDataOut(cdb: Buffer): boolean {
  return (cdb.readUInt8(1) & 0x01) !== 0
}

async function writeSame({ cdb, data, disk, unit }: ScsiCommand, range: BlockRange): Promise<ScsiReply> {
  const flags = cdb.readUInt8(1)
  if (flags >>> 5 !== 0) throw invalidCdb(1, 7)
  if ((flags & 0x10) !== 0) throw invalidCdb(1, 4)
  // PBDATA and LBDATA are gone since SBC-3.
  if ((flags & 0x06) !== 0) throw invalidCdb(1, 2)
  const noData = cdb.readUInt8(0) === 0x93 && hasNoDataOut(cdb)
  if (cdb.readUInt8(0) === 0x41 && (flags & 0x01) !== 0) throw invalidCdb(1, 0)
  checkRange(range, disk)
  // WSNZ=1: zero blocks does not mean "to the end".
  if (range.blocks === 0 || range.blocks > provisioningLimits.writeSameBlocks)
    throw invalidCdb(cdb.readUInt8(0) === 0x93 ? 10 : 7)
  const block = noData ? Buffer.alloc(blockLength) : data.subarray(0, blockLength)
  if (block.length < blockLength) throw invalidCdb(1)
  const start = range.lba * blockLength
  const size = range.blocks * blockLength
  await unit.ranges.run(start, start + size, false, async () => {
    if (block.every((byte) => byte === 0)) return disk.zero(start, size)
    const pattern = Buffer.alloc(Math.min(size, mib), block)
    for (let at = 0; at < size; at += pattern.length)
      await disk.write(start + at, pattern.subarray(0, Math.min(pattern.length, size - at)))
  })
  if (!unit.writeCache) await disk.flush()
  return good
}

/** Looks at most this far ahead; the initiator asks on from where the answer ends. */
const statusPieces = 16

async function getLbaStatus({ cdb, disk }: ScsiCommand): Promise<ScsiReply> {
  const lba = readLba64(cdb, 2)
  const capacity = blocksOf(disk)
  checkRange({ lba, blocks: 1 }, disk)
  const piece = mib / blockLength
  const isMapped = async (from: number, to: number): Promise<boolean> =>
    (await disk.isAllocated?.(from * blockLength, (to - from) * blockLength)) ?? true
  const pieceEnd = (from: number): number => Math.min(capacity, (Math.floor(from / piece) + 1) * piece)
  let end = pieceEnd(lba)
  const mapped = await isMapped(lba, end)
  for (let count = 1; count < statusPieces && end < capacity; count += 1) {
    const next = pieceEnd(end)
    if ((await isMapped(end, next)) !== mapped) break
    end = next
  }
  const answer = Buffer.alloc(24)
  answer.writeUInt32BE(20, 0)
  cdb.copy(answer, 8, 2, 10)
  answer.writeUInt32BE(end - lba, 16)
  answer[20] = mapped ? 0 : 1
  return parameters(answer, cdb.readUInt32BE(10))
}
