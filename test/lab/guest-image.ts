import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { busyboxArchive } from '../e2e/plugin/busybox-image.js'

const buildScript = fileURLToPath(new URL('build-guest.sh', import.meta.url))
const guestFiles = fileURLToPath(new URL('guest', import.meta.url))
const busyboxRecipe = fileURLToPath(new URL('../e2e/plugin/busybox-image.ts', import.meta.url))

/** Another checkout's tests may be about to boot an image of another recipe; none of them runs for longer. */
const unusedForMs = 6 * 3_600_000

/**
 * Path of a disk image of the lab's guest (qcow2, sparse, not compressed, 4 GiB), for machines to have as their backing file.
 * Built on first use, which takes minutes, root and the network; then from the cache. Throws what the build said when it fails.
 *
 * @param log is told each line of a build
 */
export async function guestImage(log: (line: string) => void): Promise<string> {
  const folder = cacheFolder()
  await mkdir(folder, { recursive: true })
  const image = join(folder, `guest-${await recipe()}.qcow2`)
  if (!(await touch(image))) await build(image, log)
  await removeUnused(folder, image)
  return image
}

function cacheFolder(): string {
  const { ACS_LAB_CACHE, XDG_CACHE_HOME } = process.env
  return ACS_LAB_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'acs-lab')
}

/** SHA-256 of all that an image is made by. */
async function recipe(): Promise<string> {
  const entries = await readdir(guestFiles, { recursive: true, withFileTypes: true })
  const inGuest = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const hash = createHash('sha256')
  for (const file of [buildScript, busyboxRecipe, ...inGuest.sort()]) {
    const text = await readFile(file)
    hash.update(`${relative(guestFiles, file)}\0${text.length}\0`).update(text)
  }
  return hash.digest('hex')
}

async function build(image: string, log: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-lab-'))
  try {
    await run('bash', [buildScript, image, await busyboxArchive(folder)], log)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(tool: string, args: readonly string[], log: (line: string) => void): Promise<void> {
  const said: string[] = []
  const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line)
      log(line)
    })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0)
    throw new Error(`The lab's guest was not built (exit ${String(code)}):\n${said.slice(-60).join('\n')}`)
}

/** Notes that the file is in use; false when there is none. */
async function touch(file: string): Promise<boolean> {
  const now = new Date()
  return utimes(file, now, now).then(() => true, noneThere)
}

async function removeUnused(folder: string, image: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^guest-.*\.qcow2$/.test(name))
  for (const other of names.map((name) => join(folder, name)).filter((path) => path !== image)) {
    const used = await stat(other).catch(noneThere)
    if (used && Date.now() - used.mtimeMs > unusedForMs) await rm(other, { force: true })
  }
}

/** False for the error of a file that is not there; throws any other. */
function noneThere(error: unknown): false {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
  throw error
}
