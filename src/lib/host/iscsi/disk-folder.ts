import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../base/errors.js'
import * as v from 'valibot'
import { writeState } from '../../base/durable-file.js'
import type { DiskAddress } from '../host.js'
import { shortHash } from './kernel-records.js'

/** What is in `<runtimeFolder>/disks/<hash>`: everything of one disk of the userspace initiator. */
export interface DiskFolder {
  path: string
  /** The FUSE export lies over this empty file. */
  exportFile: string
  qmpSocket: string
  pidFile: string
  /** CHAP secret, 0600; there only while the daemon starts. */
  secretFile: string
  descriptionFile: string
  /** Outside of the folder, which comes and goes. */
  lockFile: string
}

const descriptionSchema = v.object({ portal: v.string(), targetName: v.string(), lun: v.number() })

export type DiskDescription = v.InferOutput<typeof descriptionSchema>

/** The folder of a disk. The portal is not part of its name: a data services address may be changed. */
export function diskFolder(runtimeFolder: string, disk: Pick<DiskAddress, 'targetName' | 'lun'>): DiskFolder {
  return folderNamed(runtimeFolder, shortHash(`${disk.targetName}\n${disk.lun}`))
}

/** Every disk folder there is, whole or half made. */
export async function diskFolders(runtimeFolder: string): Promise<DiskFolder[]> {
  const names = await readdir(join(runtimeFolder, 'disks')).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => /^[0-9a-f]{16}$/.test(name)).map((name) => folderNamed(runtimeFolder, name))
}

/** Makes the folder and says in it which disk it is for. Nothing of it outlives the machine, so nothing waits for a disk. */
export async function prepareDiskFolder(folder: DiskFolder, disk: DiskDescription): Promise<void> {
  const { portal, targetName, lun } = disk
  await writeState(folder.descriptionFile, JSON.stringify({ portal, targetName, lun }), plainly)
  await writeState(folder.exportFile, '', plainly)
}

function plainly(path: string, content: string, mode: number): Promise<void> {
  return writeFile(path, content, { mode })
}

/** `undefined` when the folder is half made. */
export async function readDescription(folder: DiskFolder): Promise<DiskDescription | undefined> {
  const text = await readFile(folder.descriptionFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return v.parse(descriptionSchema, JSON.parse(text))
  } catch {
    // Not ours to guess: the callers treat it as half made.
    return undefined
  }
}

/** Removes the folder; the FUSE mount in it must be gone, else EBUSY. */
export async function removeDiskFolder(folder: DiskFolder): Promise<void> {
  await rm(folder.path, { recursive: true, force: true })
}

/** The folder of a hash. */
export function folderNamed(runtimeFolder: string, hash: string): DiskFolder {
  const path = join(runtimeFolder, 'disks', hash)
  return {
    path,
    exportFile: join(path, 'export'),
    qmpSocket: join(path, 'qmp'),
    pidFile: join(path, 'pid'),
    secretFile: join(path, 'secret'),
    descriptionFile: join(path, 'disk.json'),
    lockFile: join(runtimeFolder, 'locks', `disk-${hash}`),
  }
}
