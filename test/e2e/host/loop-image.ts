import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/** Runs `action` with a loop device on a file, and frees it again whatever happens. */
export async function onLoop<T>(file: string, action: (devicePath: string) => Promise<T>): Promise<T> {
  const { stdout } = await run('losetup', ['--find', '--show', file])
  const devicePath = stdout.trim()
  try {
    return await action(devicePath)
  } finally {
    await run('losetup', ['--detach', devicePath])
  }
}

/** A sparse file, with bytes written at offsets; a negative offset counts from the end. */
export async function writeImage(
  file: string,
  sizeBytes: number,
  pieces: readonly (readonly [offset: number, data: Buffer | string])[] = [],
): Promise<void> {
  const image = await open(file, 'w')
  try {
    await image.truncate(sizeBytes)
    for (const [offset, data] of pieces) {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
      await image.write(bytes, 0, bytes.length, offset < 0 ? sizeBytes + offset : offset)
    }
  } finally {
    await image.close()
  }
}

export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
