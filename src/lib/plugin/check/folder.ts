import { open, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../base/errors.js'
import { Complaint, Skipped } from './check.js'

/** What the kernel has mounted at a path. */
export interface KernelMount {
  type: string
  source: string
}

/** The mount whose root is `path`, in this process's mount namespace; undefined when it is an ordinary folder. */
export async function kernelMount(path: string): Promise<KernelMount | undefined> {
  const real = await realpath(path).catch(() => path)
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  let found: KernelMount | undefined
  for (const line of lines) {
    // proc(5): ID parent major:minor root MOUNTPOINT options [fields] - TYPE SOURCE options
    const [before = '', after = ''] = line.split(' - ')
    const [type = '', source = ''] = after.split(' ')
    // The last of several at one place is on top.
    if (unescaped(before.split(' ')[4] ?? '') === real) found = { type, source: unescaped(source) }
  }
  return found
}

/** Throws a complaint unless it is a folder. */
export async function expectFolder(path: string): Promise<void> {
  const seen = await looked(path, () => stat(path))
  if (!seen.isDirectory()) throw new Complaint(`${path}, where Mount says the volume is, is no folder`)
}

/** Names in the folder, sorted. */
export async function entriesOf(path: string): Promise<string[]> {
  return (await looked(path, () => readdir(path))).sort()
}

/** Writes a small file and lets it reach the disk. */
export async function writeMarker(path: string, name: string, text: string): Promise<void> {
  await looked(path, async () => {
    const file = await open(join(path, name), 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
  })
}

/** The file's text; undefined when there is no such file. */
export async function readMarker(path: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(path, name), 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    return looked(path, () => Promise.reject(error as Error))
  }
}

/** Whether anything is there. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Runs a look at a volume's folder; that we may not look is no fault of the plugin, all else is. */
async function looked<T>(path: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EACCES' || code === 'EPERM')
      throw new Skipped(`this user may not look into ${path}; run it as root, or with --remote`)
    if (code === 'ENOENT')
      throw new Complaint(`there is no ${path}, where Mount says the volume is (on another machine? --remote)`)
    throw new Complaint(`${path}: ${messageOf(error)}`)
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** mountinfo writes blanks and backslashes as octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_match, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
