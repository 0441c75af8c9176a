import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder, removeDurably, writeState } from '../base/durable-file.js'
import { AcsError, messageOf } from '../base/errors.js'
import { hideSecret } from '../base/redact.js'
import type { DiskAddress } from '../host/host.js'
import type { Me, VolumeContext } from './context.js'
import { isUuid, printable } from './names.js'
import { nameOf, type Volume } from './volume.js'

/** RFC 7143 12.1.3 wants at least 96 bits; initiators of the field take 12 to 16 characters. */
const shortest = 12
const longest = 16

/** A new secret of 16 characters from an alphabet that every tool takes unquoted: 95 bits and more. */
export function newChapSecret(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return hideSecret([...randomBytes(longest)].map((byte) => alphabet.charAt(byte % alphabet.length)).join(''))
}

/** The secret in a file only its owner may read. Throws EACSSECRET (usage). */
export async function readChapSecretFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path)
    if (mode & 0o077) throw badSecret(`${printable(path)} may be read by others`, [`chmod 600 ${printable(path)}`])
    return checkSecret((await readFile(path, 'utf8')).replace(/\r?\n$/, ''))
  } catch (error) {
    if (error instanceof AcsError) throw error
    throw badSecret(`${printable(path)} cannot be read: ${messageOf(error)}`, [])
  }
}

export function checkSecret(secret: string): string {
  hideSecret(secret)
  if (secret.length < shortest || secret.length > longest || !/^[\x21-\x7e]+$/.test(secret))
    throw badSecret(`it needs ${shortest} to ${longest} printable characters without spaces`, [])
  return secret
}

/** Keeps the secret of a volume for attaches on this machine. */
export async function keepChapSecret(stateFolder: string, volumeUuid: string, secret: string): Promise<void> {
  await writeState(pathOf(stateFolder, volumeUuid), secret + '\n')
}

export async function forgetChapSecret(stateFolder: string, volumeUuid: string): Promise<void> {
  await ensureFolder(join(stateFolder, 'chap'))
  await removeDurably(pathOf(stateFolder, volumeUuid))
}

/** The secret this machine keeps for a volume, if it does. */
export async function storedChapSecret(stateFolder: string, volumeUuid: string): Promise<string | undefined> {
  try {
    return hideSecret((await readFile(pathOf(stateFolder, volumeUuid), 'utf8')).trimEnd())
  } catch {
    return undefined
  }
}

/** What this machine answers the target's challenge with. Throws EACSNOSECRET (precondition). */
export async function chapFor(context: VolumeContext, volume: Volume, me: Me): Promise<DiskAddress['chap']> {
  if (!volume.group.chap) return undefined
  const secret = await storedChapSecret(context.stateFolder, volume.group.uuid)
  if (secret !== undefined) return { username: me.initiatorName, secret }
  const name = printable(volume.group.name)
  throw new AcsError(
    'precondition',
    'EACSNOSECRET',
    `volume ${nameOf(volume)} wants CHAP, and this machine does not have its secret (${pathOf(context.stateFolder, volume.group.uuid)})`,
    {
      hints: [
        `Give it once: acs volume attach ${name} --chap-secret-file FILE`,
        `Or set a new one, which this machine keeps: acs volume update ${name} --chap`,
      ],
    },
  )
}

function pathOf(stateFolder: string, volumeUuid: string): string {
  if (!isUuid(volumeUuid)) throw new AcsError('bug', 'EACSBUG', `"${volumeUuid}" is not the UUID of a volume`)
  return join(stateFolder, 'chap', volumeUuid.toLowerCase())
}

function badSecret(why: string, hints: string[]): AcsError {
  return new AcsError('usage', 'EACSSECRET', `the CHAP secret cannot be used: ${why}`, { hints })
}
