/** CRC-32C (Castagnoli), iSCSI's digest (RFC 7143 13.1), eight bytes a step. */
const tables = makeTables()

/** Checksum of `bytes`; pass the checksum of what came before as `previous` to go on. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables
  let crc = ~previous
  let at = 0
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low =
      crc ^ (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24))
    crc =
      entry(t7, low & 0xff) ^
      entry(t6, (low >>> 8) & 0xff) ^
      entry(t5, (low >>> 16) & 0xff) ^
      entry(t4, low >>> 24) ^
      entry(t3, byte(bytes, at + 4)) ^
      entry(t2, byte(bytes, at + 5)) ^
      entry(t1, byte(bytes, at + 6)) ^
      entry(t0, byte(bytes, at + 7))
  }
  for (; at < bytes.length; at += 1) crc = entry(t0, (crc ^ byte(bytes, at)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

type Tables = [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array]

function makeTables(): Tables {
  const all: Tables = [table(), table(), table(), table(), table(), table(), table(), table()]
  for (let value = 0; value < 256; value += 1) {
    let crc = value
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    all[0][value] = crc
  }
  for (let value = 0; value < 256; value += 1) {
    let crc = entry(all[0], value)
    for (const further of all.slice(1)) {
      crc = entry(all[0], crc & 0xff) ^ (crc >>> 8)
      further[value] = crc
    }
  }
  return all
}

function table(): Uint32Array {
  return new Uint32Array(256)
}

function entry(from: Uint32Array, index: number): number {
  return from[index] ?? 0
}

function byte(from: Uint8Array, index: number): number {
  return from[index] ?? 0
}
