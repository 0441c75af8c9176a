import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { AcsError } from '../../base/errors.js'
import { ensureFolder } from '../../base/durable-file.js'

/**
 * This machine's initiator name for the userspace initiator: ACS_INITIATOR_NAME, or `<stateFolder>/initiatorname`,
 * made once. Throws EACSINITIATORNAME when what is there is no IQN.
 */
export async function userspaceInitiatorName(stateFolder: string): Promise<string> {
  const override = process.env.ACS_INITIATOR_NAME
  if (override) return checked(override, 'ACS_INITIATOR_NAME')
  const path = join(stateFolder, 'initiatorname')
  const existing = await readName(path)
  if (existing !== undefined) return checked(existing, path)
  await ensureFolder(dirname(path))
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  await writeFile(temporary, `${newName()}\n`, { mode: 0o644, flag: 'wx', flush: true })
  try {
    // link(2), not rename(2): of two processes that make a name at once, the second takes the first one's.
    await link(temporary, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(temporary, { force: true })
  }
  return checked((await readName(path)) ?? '', path)
}

/** The userspace initiator's name where there is one already; makes none. */
export async function existingUserspaceName(stateFolder: string): Promise<string | undefined> {
  return process.env.ACS_INITIATOR_NAME || (await readName(join(stateFolder, 'initiatorname')))
}

/** The kernel initiator's name from open-iscsi's `initiatorname.iscsi`; `undefined` when there is none. */
export function parseInitiatorName(text: string): string | undefined {
  return /^\s*InitiatorName\s*=\s*(\S+)/m.exec(text)?.[1]
}

/** iqn., eui. or naa. names, RFC 7143 4.2.7: at most 223 bytes, no upper case, no blanks. */
export function isIscsiName(name: string): boolean {
  return (
    Buffer.byteLength(name) <= 223 &&
    /^(?:iqn\.\d{4}-\d{2}\.[^\s,/]+|eui\.[0-9a-fA-F]{16}|naa\.[0-9a-fA-F]{16,32})$/.test(name)
  )
}

function newName(): string {
  const host =
    hostname()
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, '-')
      .slice(0, 64) || 'host'
  return `iqn.2026-01.io.acs:${host}-${randomBytes(6).toString('hex')}`
}

async function readName(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function checked(name: string, where: string): string {
  if (isIscsiName(name)) return name
  throw new AcsError('precondition', 'EACSINITIATORNAME', `"${name}" in ${where} is not an iSCSI name`, {
    hints: ['An initiator name looks like iqn.2026-01.io.acs:myhost'],
  })
}
