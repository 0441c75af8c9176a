/** The shapes of RFC 7143 chapter 11: opcodes, flags, and where a field lies in the 48-byte header. */
export const headerLength = 48

export const opcode = {
  nopOut: 0x00,
  scsiCommand: 0x01,
  taskManagement: 0x02,
  login: 0x03,
  text: 0x04,
  dataOut: 0x05,
  logout: 0x06,
  snack: 0x10,
  nopIn: 0x20,
  scsiResponse: 0x21,
  taskManagementResponse: 0x22,
  loginResponse: 0x23,
  textResponse: 0x24,
  dataIn: 0x25,
  logoutResponse: 0x26,
  readyToTransfer: 0x31,
  asyncMessage: 0x32,
  reject: 0x3f,
} as const

/** Initiator task tag or target transfer tag that names nothing. */
export const noTag = 0xffff_ffff

/** RFC 7143 11.17.1. */
export const rejectReason = {
  dataDigest: 0x02,
  protocolError: 0x04,
  notSupported: 0x05,
  tooManyImmediate: 0x06,
  invalidField: 0x09,
} as const

export interface Pdu {
  /** 48 bytes. */
  header: Buffer
  /** Additional header segments, mostly empty. */
  extra: Buffer
  /** Without padding. */
  data: Buffer
  dataDigestWrong: boolean
}

export function opcodeOf(header: Buffer): number {
  return byteAt(header, 0) & 0x3f
}

export function isImmediate(header: Buffer): boolean {
  return (byteAt(header, 0) & 0x40) !== 0
}

export function isFinal(header: Buffer): boolean {
  return (byteAt(header, 1) & 0x80) !== 0
}

export function dataLengthOf(header: Buffer): number {
  return (byteAt(header, 5) << 16) | (byteAt(header, 6) << 8) | byteAt(header, 7)
}

export function setDataLength(header: Buffer, length: number): void {
  header[5] = (length >>> 16) & 0xff
  header[6] = (length >>> 8) & 0xff
  header[7] = length & 0xff
}

/** Bytes on the wire: segments are padded to four. */
export function padded(length: number): number {
  return (length + 3) & ~3
}

/** 0 beyond the end, for headers of known length. */
export function byteAt(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0
}

/**
 * The number of a LUN field; `undefined` for what no target of ours has. Flat space (SAM-5 4.7.7.3) and
 * peripheral addressing both occur, the latter up to 255.
 */
export function lunOf(header: Buffer): number | undefined {
  if (header.readUInt32BE(12) !== 0 || header.readUInt16BE(10) !== 0) return undefined
  const first = byteAt(header, 8)
  const method = first >>> 6
  if (method === 0) return first === 0 ? byteAt(header, 9) : undefined
  return method === 1 ? ((first & 0x3f) << 8) | byteAt(header, 9) : undefined
}

/** The eight bytes of a LUN. */
export function encodeLun(lun: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16BE(lun < 256 ? lun : 0x4000 | lun)
  return bytes
}

/** `a - b` of 32-bit serial numbers (RFC 1982): negative when `a` comes before `b`. */
export function serialDistance(a: number, b: number): number {
  return (a - b) | 0
}
