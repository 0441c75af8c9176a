import { good, parameters } from './command.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import type { LogicalUnit } from './logical-unit.js'
import { attention, CheckCondition, invalidCdb, invalidParameter, sense } from './sense.js'

/** MODE SENSE and MODE SELECT (SPC-4 6.11 to 6.14; caching page SBC-3 6.4.5). Only WCE can be changed. */
export const modeCommands: CommandDefinition[] = [
  { name: 'MODE SENSE(6)', opcode: 0x1a, usage: '1a08ffffff04', access: 'read', run: modeSense },
  { name: 'MODE SENSE(10)', opcode: 0x5a, usage: '5a18ffff000000ffff04', access: 'read', run: modeSense },
  {
    name: 'MODE SELECT(6)',
    opcode: 0x15,
    usage: '15110000ff04',
    access: 'write',
    dataOut: (cdb) => cdb.readUInt8(4),
    run: modeSelect,
  },
  {
    name: 'MODE SELECT(10)',
    opcode: 0x55,
    usage: '55110000000000ffff04',
    access: 'write',
    dataOut: (cdb) => cdb.readUInt16BE(7),
    run: modeSelect,
  },
]

const cachingPage = 0x08
const writeCacheEnabled = 0x04

type ModeState = Pick<LogicalUnit, 'writeCache'>

const pages = new Map<number, (unit: ModeState) => Buffer>([
  [0x01, () => page(0x01, 10)],
  [
    cachingPage,
    (unit) => {
      const caching = page(cachingPage, 18)
      caching[2] = unit.writeCache ? writeCacheEnabled : 0
      return caching
    },
  ],
  [
    0x0a,
    () => {
      const control = page(0x0a, 10)
      control[3] = 0x10 // QUEUE ALGORITHM MODIFIER 1: reordering is free
      control.writeUInt16BE(0xffff, 8) // no limit on the busy time
      return control
    },
  ],
  [0x1c, () => page(0x1c, 10)],
])

function page(code: number, length: number): Buffer {
  const bytes = Buffer.alloc(2 + length)
  bytes[0] = code
  bytes[1] = length
  return bytes
}

function modeSense({ cdb, unit }: ScsiCommand): ScsiReply {
  const long = cdb.readUInt8(0) === 0x5a
  const control = cdb.readUInt8(2) >>> 6
  const code = cdb.readUInt8(2) & 0x3f
  const subpage = cdb.readUInt8(3)
  if (control === 3) throw new CheckCondition(sense.savingNotSupported)
  if (subpage !== 0 && !(subpage === 0xff && code === 0x3f)) throw invalidCdb(3)
  const wanted = code === 0x3f ? [...pages.values()] : [pages.get(code)]
  const body: Buffer[] = []
  for (const make of wanted) {
    if (!make) throw invalidCdb(2, 5)
    const made = make(unit)
    body.push(control === 1 ? changeable(made) : control === 2 ? make(defaults) : made)
  }
  const head = Buffer.alloc(long ? 8 : 4)
  const all = Buffer.concat([head, ...body])
  if (long) all.writeUInt16BE(all.length - 2, 0)
  else all[0] = all.length - 1
  all[long ? 3 : 2] = 0x10 // DPO and FUA are understood
  return parameters(all, long ? cdb.readUInt16BE(7) : cdb.readUInt8(4))
}

const defaults: ModeState = { writeCache: true }

function changeable(current: Buffer): Buffer {
  const mask = page(current.readUInt8(0), current.length - 2)
  if (current[0] === cachingPage) mask[2] = writeCacheEnabled
  return mask
}

function modeSelect({ cdb, data, unit, nexus }: ScsiCommand): ScsiReply {
  const long = cdb.readUInt8(0) === 0x55
  // Pages in the standard format only, and nothing is saved.
  if ((cdb.readUInt8(1) & 0x01) !== 0) throw invalidCdb(1, 0)
  if (data.length === 0) return good
  const headLength = long ? 8 : 4
  if (data.length < headLength) throw new CheckCondition(sense.parameterListLength)
  const descriptors = long ? data.readUInt16BE(6) : data.readUInt8(3)
  let writeCache = unit.writeCache
  let at = headLength + descriptors
  while (at < data.length) {
    if (at + 2 > data.length) throw new CheckCondition(sense.parameterListLength)
    const current = pages.get(data.readUInt8(at) & 0x3f)?.(unit)
    if (!current || (data.readUInt8(at) & 0x40) !== 0) throw invalidParameter(at)
    if (data.readUInt8(at + 1) !== current.length - 2) throw invalidParameter(at + 1)
    if (at + current.length > data.length) throw new CheckCondition(sense.parameterListLength)
    const mask = changeable(current)
    for (let index = 2; index < current.length; index += 1) {
      const difference = data.readUInt8(at + index) ^ current.readUInt8(index)
      if ((difference & ~mask.readUInt8(index)) !== 0) throw invalidParameter(at + index)
    }
    if (current[0] === cachingPage) writeCache = (data.readUInt8(at + 2) & writeCacheEnabled) !== 0
    at += current.length
  }
  if (writeCache !== unit.writeCache) {
    unit.writeCache = writeCache
    unit.attend(attention.modeParametersChanged, nexus)
  }
  return good
}
