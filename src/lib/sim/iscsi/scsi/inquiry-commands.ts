import { maxTransferBlocks, parameters } from './command.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import { provisioningLimits } from './provisioning-commands.js'
import { CheckCondition, invalidCdb, sense } from './sense.js'
import { maxCompareBlocks } from './transfer-commands.js'

/** INQUIRY and its vital product data (SPC-4 6.6, 7.8; SBC-3 6.5). Identity as recorded from real vDisks. */
export const inquiryCommands: CommandDefinition[] = [
  { name: 'INQUIRY', opcode: 0x12, usage: '1201ffffff04', access: 'always', run: inquiry },
]

function inquiry({ cdb, disk, nexus }: ScsiCommand): ScsiReply {
  const allocationLength = cdb.readUInt16BE(3)
  const page = cdb.readUInt8(2)
  if ((cdb.readUInt8(1) & 1) === 0) {
    if (page !== 0) throw invalidCdb(2)
    return parameters(standardInquiry(0x00), allocationLength)
  }
  const make = pages.get(page)
  if (!make) throw invalidCdb(2)
  const body = make({ uuid: disk.uuid, targetName: nexus.targetName })
  const head = Buffer.from([0, page, body.length >>> 8, body.length & 0xff])
  return parameters(Buffer.concat([head, body]), allocationLength)
}

/** INQUIRY at a LUN without a disk: peripheral qualifier 011b, type 1Fh (SPC-4 6.6.2). */
export function inquiryWithoutUnit(cdb: Buffer): ScsiReply {
  if ((cdb.readUInt8(1) & 1) !== 0) throw new CheckCondition(sense.unitNotSupported)
  return parameters(standardInquiry(0x7f), cdb.readUInt16BE(3))
}

function standardInquiry(peripheral: number): Buffer {
  const data = Buffer.alloc(96)
  data[0] = peripheral
  data[2] = 0x05 // SPC-3, "ANSI: 5" as recorded
  data[3] = 0x12 // HISUP, response data format 2
  data[4] = data.length - 5
  data[5] = 0x10 // implicit ALUA, as recorded
  data[7] = 0x02 // CMDQUE
  data.write('NUTANIX '.padEnd(8), 8, 'latin1')
  data.write('VDISK'.padEnd(16), 16, 'latin1')
  data.write('0'.padEnd(4), 32, 'latin1')
  // SAM-3, SPC-3, SBC-3 (thin provisioning), iSCSI
  for (const [index, descriptor] of [0x0060, 0x0300, 0x04c0, 0x0960].entries())
    data.writeUInt16BE(descriptor, 58 + index * 2)
  return data
}

interface Subject {
  uuid: string
  targetName: string
}

const pages: ReadonlyMap<number, (subject: Subject) => Buffer> = new Map<number, (subject: Subject) => Buffer>([
  [0x00, (): Buffer => Buffer.from([...pages.keys()])],
  [0x80, ({ uuid }) => Buffer.from(uuid, 'latin1')],
  [0x83, deviceIdentification],
  [0xb0, blockLimits],
  [0xb1, blockCharacteristics],
  [0xb2, logicalBlockProvisioning],
])

/** 16 bytes of an NAA IEEE Registered Extended name; real ones begin with 6506b8d. */
export function naaOf(uuid: string): Buffer {
  const digits = uuid.replaceAll(/[^\da-f]/gi, '').padStart(32, '0')
  return Buffer.from(`6506b8d${digits.slice(-25)}`, 'hex')
}

function deviceIdentification({ uuid, targetName }: Subject): Buffer {
  const portName = Buffer.from(`${targetName},t,0x0001\0`)
  return Buffer.concat([
    designator(0x01, 0x03, naaOf(uuid)),
    designator(0x02, 0x01, Buffer.from(`NUTANIX ${uuid}`, 'latin1')),
    designator(0x51, 0x94, Buffer.from([0, 0, 0, 1])), // relative target port
    designator(0x51, 0x95, Buffer.from([0, 0, 0, 1])), // target port group
    designator(0x53, 0x98, Buffer.concat([portName, Buffer.alloc(-portName.length & 3)])),
  ])
}

/** Code set with protocol in the first byte, PIV, association and type in the second. */
function designator(codeSet: number, type: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from([codeSet, type, 0, name.length]), name])
}

function blockLimits(): Buffer {
  const page = Buffer.alloc(60)
  page[0] = 0x01 // WSNZ
  page[1] = maxCompareBlocks
  page.writeUInt16BE(8, 2) // granularity: the physical block
  page.writeUInt32BE(maxTransferBlocks, 4)
  page.writeUInt32BE(2048, 8) // optimal: 1 MiB, as recorded
  page.writeUInt32BE(provisioningLimits.unmapBlocks, 16)
  page.writeUInt32BE(provisioningLimits.unmapDescriptors, 20)
  page.writeUInt32BE(provisioningLimits.unmapGranularity, 24)
  page.writeUInt32BE(0x8000_0000, 28) // alignment valid, 0
  page.writeUInt32BE(provisioningLimits.writeSameBlocks, 36)
  return page
}

function blockCharacteristics(): Buffer {
  const page = Buffer.alloc(60)
  page.writeUInt16BE(1, 0) // non-rotating
  return page
}

function logicalBlockProvisioning(): Buffer {
  // LBPU, LBPWS, LBPWS10, LBPRZ; thin provisioned
  return Buffer.from([0, 0x80 | 0x40 | 0x20 | 0x04, 0x02, 0])
}
