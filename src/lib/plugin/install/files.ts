import { lstat, mkdir, readFile, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeDurably } from '../../base/durable-file.js'
import { AcsError } from '../../base/errors.js'

/** A file as the installer wants it. */
export interface WantedFile {
  /** Absolute, on the machine it is for. */
  path: string
  content: string
  mode: number
  /** `own`: replaced when it differs. `yours`: written once, and left alone from then on. */
  kind: 'own' | 'yours'
}

/** What is, or would be, done with a file. */
export interface FileChange {
  path: string
  action: 'written' | 'replaced' | 'unchanged' | 'kept' | 'removed'
}

/**
 * Compares the wanted files with those below `root` and says what to do. Throws EACSEXISTS for a file of somebody else
 * in the place of one of ours.
 */
export async function planFiles(root: string, wanted: readonly WantedFile[], mark: string): Promise<FileChange[]> {
  return Promise.all(
    wanted.map(async ({ path, content, kind }): Promise<FileChange> => {
      const there = await textOf(join(root, path))
      if (there === undefined) return { path, action: 'written' }
      if (there === content) return { path, action: 'unchanged' }
      if (kind === 'yours') return { path, action: 'kept' }
      if (!there.startsWith(mark))
        throw new AcsError('conflict', 'EACSEXISTS', `${path} is there already, and acs did not write it`, {
          hints: [`Look at it: cat ${path}`, 'Move it away, then again: acs plugin install'],
          details: { path },
        })
      return { path, action: 'replaced' }
    }),
  )
}

/** Writes what the plan says. Folders are made for all to read, as /etc's are. */
export async function writeFiles(
  root: string,
  wanted: readonly WantedFile[],
  changes: readonly FileChange[],
): Promise<void> {
  for (const { path, content, mode } of wanted) {
    const action = changes.find((change) => change.path === path)?.action
    if (action !== 'written' && action !== 'replaced') continue
    await asRoot(path, async () => {
      await mkdir(dirname(join(root, path)), { recursive: true, mode: 0o755 })
      await writeDurably(join(root, path), content, mode)
    })
  }
}

/** Which of the files may be removed again: ours by their mark, and yours where nobody has changed them. */
export async function planRemoval(root: string, wanted: readonly WantedFile[], mark: string): Promise<FileChange[]> {
  const found = await Promise.all(
    wanted.map(async ({ path, content, kind }): Promise<FileChange[]> => {
      const there = await textOf(join(root, path))
      if (there === undefined) return []
      const mine = there === content || (kind === 'own' && there.startsWith(mark))
      return [{ path, action: mine ? 'removed' : 'kept' }]
    }),
  )
  return found.flat()
}

/** Removes what the plan says, and folders that are empty then and were made for it. */
export async function removeFiles(root: string, changes: readonly FileChange[]): Promise<void> {
  for (const { path, action } of changes) {
    if (action !== 'removed') continue
    await asRoot(path, () => rm(join(root, path), { force: true }))
  }
  for (const folder of ['/etc/containers/containers.conf.d', '/etc/acs'])
    if (changes.some(({ path, action }) => action === 'removed' && dirname(path) === folder))
      await rmdir(join(root, folder)).catch(() => undefined)
}

/** Names in a folder below the root; none when it is not there. */
export async function namesBelow(root: string, folder: string): Promise<string[]> {
  return readdir(join(root, folder)).catch(() => [])
}

export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw notRoot(path, error) ?? error
  }
}

async function asRoot(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw notRoot(path, error) ?? error
  }
}

function notRoot(path: string, error: unknown): AcsError | undefined {
  if (!['EACCES', 'EPERM', 'EROFS'].includes(String(codeOf(error)))) return undefined
  return new AcsError('precondition', 'EACSNOTROOT', `${path} cannot be written: this needs root`, {
    cause: error,
    hints: ['Run it with sudo', 'See what it would do: acs plugin install --dry-run'],
    details: { path },
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
