/**
 * A disk that boots without an operating system: its first sector writes a line to the first serial port and halts. 16-bit
 * code, loaded by the firmware at 0x7c00.
 */
export function bootableDisk(line: string, sizeBytes = 1024 ** 2): Buffer {
  const disk = Buffer.alloc(sizeBytes)
  const code = [
    ...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], // xor ax,ax; mov ds,ax; cld
    ...[0xbe, 0x16, 0x7c], // mov si,text
    0xac, // next: lodsb
    ...[0x84, 0xc0, 0x74, 0x06], // test al,al; jz stop
    ...[0xba, 0xf8, 0x03, 0xee], // mov dx,0x3f8; out dx,al
    ...[0xeb, 0xf5], // jmp next
    ...[0xf4, 0xeb, 0xfd], // stop: hlt; jmp stop
  ]
  Buffer.from(code).copy(disk)
  disk.write(`${line}\n\0`, code.length, 'latin1')
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
