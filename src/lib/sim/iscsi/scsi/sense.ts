/** SCSI status and sense data (SAM-5 5.3, SPC-4 4.5). */
export const status = {
  good: 0x00,
  checkCondition: 0x02,
  reservationConflict: 0x18,
  taskSetFull: 0x28,
} as const

export const senseKey = {
  none: 0x0,
  notReady: 0x2,
  mediumError: 0x3,
  hardwareError: 0x4,
  illegalRequest: 0x5,
  unitAttention: 0x6,
  dataProtect: 0x7,
  abortedCommand: 0xb,
  miscompare: 0xe,
} as const

/** Sense key and additional sense code with its qualifier, `asc << 8 | ascq`. */
export interface SenseCode {
  key: number
  code: number
}

export const sense = {
  none: { key: senseKey.none, code: 0x0000 },
  invalidOpcode: { key: senseKey.illegalRequest, code: 0x2000 },
  lbaOutOfRange: { key: senseKey.illegalRequest, code: 0x2100 },
  invalidFieldInCdb: { key: senseKey.illegalRequest, code: 0x2400 },
  unitNotSupported: { key: senseKey.illegalRequest, code: 0x2500 },
  invalidFieldInParameters: { key: senseKey.illegalRequest, code: 0x2600 },
  invalidRelease: { key: senseKey.illegalRequest, code: 0x2604 },
  parameterListLength: { key: senseKey.illegalRequest, code: 0x1a00 },
  savingNotSupported: { key: senseKey.illegalRequest, code: 0x3900 },
  insufficientRegistrations: { key: senseKey.illegalRequest, code: 0x5504 },
  miscompare: { key: senseKey.miscompare, code: 0x1d00 },
  unrecoveredRead: { key: senseKey.mediumError, code: 0x1100 },
  writeError: { key: senseKey.mediumError, code: 0x0c00 },
  spaceExhausted: { key: senseKey.dataProtect, code: 0x2707 },
  internalFailure: { key: senseKey.hardwareError, code: 0x4400 },
  dataDigest: { key: senseKey.abortedCommand, code: 0x4705 },
  notEnoughUnsolicited: { key: senseKey.abortedCommand, code: 0x0c0d },
  tooMuchWriteData: { key: senseKey.abortedCommand, code: 0x2602 },
} as const satisfies Record<string, SenseCode>

export const attention = {
  powerOn: 0x2900,
  targetReset: 0x2903,
  reservationsPreempted: 0x2a03,
  reservationsReleased: 0x2a04,
  registrationsPreempted: 0x2a05,
  capacityChanged: 0x2a09,
  modeParametersChanged: 0x2a01,
  commandsCleared: 0x2f00,
  lunsChanged: 0x3f0e,
} as const

/** A command that ends in CHECK CONDITION; `information` is the LBA or offset it concerns. */
export class CheckCondition extends Error {
  constructor(
    readonly sense: SenseCode,
    readonly details: SenseDetails = {},
  ) {
    super(`sense ${sense.key.toString(16)}/${sense.code.toString(16).padStart(4, '0')}`)
  }
}

export interface SenseDetails {
  information?: number
  /** Which byte of the CDB or of the parameters is at fault (sense-key specific, SPC-4 4.5.2.4.2). */
  field?: { in: 'cdb' | 'parameters'; byte: number; bit?: number }
}

export function invalidCdb(byte: number, bit?: number): CheckCondition {
  return new CheckCondition(sense.invalidFieldInCdb, { field: { in: 'cdb', byte, bit } })
}

export function invalidParameter(byte: number): CheckCondition {
  return new CheckCondition(sense.invalidFieldInParameters, { field: { in: 'parameters', byte } })
}

/** Fixed-format sense data, 18 bytes. */
export function encodeSense({ key, code }: SenseCode, { information, field }: SenseDetails = {}): Buffer {
  const bytes = Buffer.alloc(18)
  bytes[0] = 0x70
  bytes[2] = key
  bytes[7] = 10
  bytes.writeUInt16BE(code, 12)
  if (information !== undefined && information <= 0xffff_ffff) {
    bytes[0] = 0xf0
    bytes.writeUInt32BE(information, 3)
  }
  if (field) {
    bytes[15] = 0x80 | (field.in === 'cdb' ? 0x40 : 0) | (field.bit === undefined ? 0 : 0x08 | field.bit)
    bytes.writeUInt16BE(field.byte, 16)
  }
  return bytes
}
