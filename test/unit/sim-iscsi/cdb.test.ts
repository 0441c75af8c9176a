import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lunOf, encodeLun } from '../../../src/lib/sim/iscsi/pdu.js'
import { blockRange } from '../../../src/lib/sim/iscsi/scsi/command.js'
import { commands, definitionOf } from '../../../src/lib/sim/iscsi/scsi/commands.js'

describe('CDBs', () => {
  it('give LBA and length in all four forms', () => {
    fc.assert(
      fc.property(fc.nat(0x1f_ffff), fc.integer({ min: 1, max: 255 }), (lba, blocks) => {
        const six = Buffer.from([0x08, lba >>> 16, (lba >>> 8) & 255, lba & 255, blocks, 0])
        const ten = Buffer.alloc(10)
        ten[0] = 0x28
        ten.writeUInt32BE(lba, 2)
        ten.writeUInt16BE(blocks, 7)
        const twelve = Buffer.alloc(12)
        twelve[0] = 0xa8
        twelve.writeUInt32BE(lba, 2)
        twelve.writeUInt32BE(blocks, 6)
        const sixteen = Buffer.alloc(16)
        sixteen[0] = 0x88
        sixteen.writeBigUInt64BE(BigInt(lba), 2)
        sixteen.writeUInt32BE(blocks, 10)
        for (const cdb of [six, ten, twelve, sixteen]) expect(blockRange(cdb)).toEqual({ lba, blocks })
      }),
    )
  })

  it('of READ(6) with length 0 mean 256 blocks', () => {
    expect(blockRange(Buffer.from([0x08, 0xff, 0, 1, 0, 0]))).toEqual({ lba: 0x1f0001, blocks: 256 })
  })

  it('are found by opcode and service action, and their usage maps fit them', () => {
    for (const { opcode, serviceAction, usage, name } of commands) {
      const cdb = Buffer.alloc(16)
      cdb[0] = opcode
      if (serviceAction !== undefined) cdb[1] = serviceAction
      expect(definitionOf(cdb).name).toBe(name)
      const length = [6, 10, 10, 0, 16, 12][opcode >>> 5]
      expect(usage, name).toMatch(new RegExp(`^${opcode.toString(16).padStart(2, '0')}[0-9a-f]*$`))
      expect(usage.length / 2, name).toBe(length)
    }
  })
})

describe('LUN fields', () => {
  it('come back as they went, and others name nothing', () => {
    fc.assert(
      fc.property(fc.nat(0x3fff), (lun) => {
        const header = Buffer.alloc(48)
        encodeLun(lun).copy(header, 8)
        expect(lunOf(header)).toBe(lun)
        header[12] = 1
        expect(lunOf(header)).toBeUndefined()
      }),
    )
  })
})
