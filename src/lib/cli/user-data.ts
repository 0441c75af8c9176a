import { readFile } from 'node:fs/promises'
import { AcsError, messageOf } from '../base/errors.js'
import { mostUserDataBytes } from '../vm/cloud-init.js'

/** User data of a file, or of standard input for `-`, checked as cloud-init would read it. Throws EACSFILE, EACSUSERDATA. */
export async function readUserData(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  const { checkUserData } = await import('../vm/cloud-init.js')
  const text = file === '-' ? await readStdin() : await readText(file)
  await checkUserData(text)
  return text
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new AcsError('not-found', 'EACSFILE', `${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** No more than is of use: a pipe may never end. */
async function readStdin(): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of process.stdin) {
    const bytes = Buffer.from(part as Uint8Array)
    parts.push(bytes)
    size += bytes.length
    if (size > mostUserDataBytes) break
  }
  return Buffer.concat(parts).toString('utf8')
}
