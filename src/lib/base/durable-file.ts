import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { AcsError, errorCode, messageOf } from './errors.js'

type FileWriter = (path: string, content: string, mode: number) => Promise<void>

/** Replaces a file for good: once this returns, also a crash of the machine leaves the new content. */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  await writeAtomically(path, content, mode)
  await syncFolder(dirname(path))
}

/**
 * Replaces a file so that it always holds the old or the new content, never a mixture: temp file in the same folder,
 * fsync, rename. After a crash of the machine, unlike one of the process, it may be the old one again.
 */
export async function writeAtomically(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  const file = await open(temporary, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
  await file.close()
  try {
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Writes what acs keeps of its own work, with the folder; `write` says what it is to survive. Throws EACSSTATE (failed):
 * the disk is full, say.
 */
export async function writeState(path: string, content: string, write: FileWriter = writeDurably): Promise<void> {
  const folder = dirname(path)
  await ensureFolder(folder)
  try {
    await write(path, content, 0o600)
  } catch (error) {
    const full = ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '')
    throw new AcsError('failed', 'EACSSTATE', `${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
      hints: [full ? `Make room: df -h ${folder}; df -i ${folder}` : `Look at it: ls -la ${folder}`],
      details: { path },
    })
  }
}

/** Removes a file (absent is fine) and makes the removal durable. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true })
  await syncFolder(dirname(path))
}

/** Creates a private folder, parents too; one that is there stays as it is. Throws EACSFOLDER (failed). */
export async function ensureFolder(path: string, mode = 0o700): Promise<void> {
  try {
    await makeFolders(path, mode)
  } catch (error) {
    throw new AcsError('failed', 'EACSFOLDER', `the folder ${path} cannot be made: ${messageOf(error)}`, {
      cause: error,
      details: { path },
    })
  }
}

/** Not mkdir's `recursive`: Node tries for ever where a folder is "not there" although its parent is, as everywhere in /proc. */
async function makeFolders(path: string, mode: number): Promise<void> {
  try {
    await makeFolder(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error
    await makeFolders(parent, mode)
    await makeFolder(path, mode)
  }
}

async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    // It was there, or another process has made it meanwhile.
    if (errorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  }
}

/** Makes what was made, renamed or removed in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
