import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ensureFolder, removeDurably, writeAtomically, writeState } from '../base/durable-file.js'
import { AcsError, errorCode, isAcsError, messageOf } from '../base/errors.js'
import { isUuid } from './names.js'

const schema = v.object({
  v: v.literal(1),
  uuid: v.string(),
  name: v.string(),
  /** Full IQN of its target: the disk is found by it when the cluster cannot be asked. */
  target: v.string(),
  mountPoint: v.string(),
  /** Of the boot the mount belongs to: after another one nothing is mounted. */
  bootId: v.string(),
  /** It was mounted there by hand before the plugin came: the last caller leaves it mounted. */
  byHand: v.optional(v.boolean()),
  ids: v.array(v.object({ id: v.string(), at: v.string() })),
})

/**
 * Who uses a volume through the plugin on this machine: a set of the callers' mount IDs, as Docker uses them again
 * after a crash and mounts twice for a `docker cp`. The file is there from before the mount until after the
 * detach, also with no ID in it: what has one is provably the plugin's.
 */
export type References = v.InferOutput<typeof schema>

/** Podman counts its callers itself and mounts for all of them under this ID: the SHA-256 of "placeholder\n" (docker-protocols.md C). */
export const podmanId = '2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2'

/** The references of a volume; undefined when the plugin does not have it. Throws EACSREFERENCES. */
export async function readReferences(stateFolder: string, volumeUuid: string): Promise<References | undefined> {
  const path = pathOf(stateFolder, volumeUuid)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw cannotRead(path, error)
  }
  try {
    return v.parse(schema, JSON.parse(text))
  } catch (error) {
    throw cannotRead(path, error)
  }
}

/**
 * The references of all volumes that the plugin has here. Throws EACSREFERENCES, but for single files when `unreadable`
 * is there to be told.
 */
export async function allReferences(
  stateFolder: string,
  unreadable?: (error: AcsError) => void,
): Promise<References[]> {
  let names: string[]
  try {
    names = await readdir(folderOf(stateFolder))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw cannotRead(folderOf(stateFolder), error)
  }
  const uuids = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length))
  const read = async (uuid: string): Promise<References | undefined> => {
    try {
      return await readReferences(stateFolder, uuid)
    } catch (error) {
      if (!unreadable || !isAcsError(error)) throw error
      unreadable(error)
      return undefined
    }
  }
  const all = await Promise.all(uuids.filter(isUuid).map(read))
  return all.filter((references) => references !== undefined)
}

/**
 * Writes the references of a volume. They outlive this process in any case; a crash of the machine ends the boot they
 * belong to, and may bring back older ones of it. Throws EACSSTATE.
 */
export async function writeReferences(stateFolder: string, references: References): Promise<void> {
  await writeState(pathOf(stateFolder, references.uuid), JSON.stringify(references) + '\n', writeAtomically)
}

/** Says, durably, that the plugin no longer has the volume. */
export async function forgetReferences(stateFolder: string, volumeUuid: string): Promise<void> {
  await ensureFolder(folderOf(stateFolder))
  await removeDurably(pathOf(stateFolder, volumeUuid))
}

/** With one ID more; the same object when it is there already. */
export function withReference(references: References, id: string, at = new Date()): References {
  if (references.ids.some((reference) => reference.id === id)) return references
  return { ...references, ids: [...references.ids, { id, at: at.toISOString() }] }
}

/** With one ID less; the same object when it is not there. */
export function withoutReference(references: References, id: string): References {
  if (!references.ids.some((reference) => reference.id === id)) return references
  return { ...references, ids: references.ids.filter((reference) => reference.id !== id) }
}

function folderOf(stateFolder: string): string {
  return join(stateFolder, 'references')
}

function pathOf(stateFolder: string, volumeUuid: string): string {
  if (!isUuid(volumeUuid)) throw new AcsError('bug', 'EACSBUG', `"${volumeUuid}" is not the UUID of a volume`)
  return join(folderOf(stateFolder), `${volumeUuid.toLowerCase()}.json`)
}

function cannotRead(path: string, cause: unknown): AcsError {
  return new AcsError(
    'failed',
    'EACSREFERENCES',
    `the plugin's references ${path} cannot be read: ${messageOf(cause)}`,
    {
      hints: [`Look at it: cat ${path}`, 'Without it the plugin does not know which containers use the volume'],
      cause,
    },
  )
}
