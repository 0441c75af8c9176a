import { randomUUID } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError, errorCode } from '../base/errors.js'
import { writeDurably } from '../base/durable-file.js'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js'

const addressFields = [
  'endpoint',
  'dataServices',
  'username',
  'passwordFile',
  'certificateFile',
  'fingerprint',
  'startedAt',
] as const

/** How a simulator can be reached. */
type Addresses = Record<(typeof addressFields)[number], string>

/** A running simulator, as written into its data folder; its addresses are absent while it is still starting. */
export interface RunningSimulator extends ProcessIdentity, Partial<Addresses> {}

const fileName = 'running.json'

export interface FolderClaim {
  announce(addresses: Addresses): Promise<void>
  release(): Promise<void>
}

/** Makes this process the only simulator on a data folder. Throws EACSSIMRUNNING (conflict) while another one is alive there. */
export async function claimFolder(dataFolder: string): Promise<FolderClaim> {
  const path = join(dataFolder, fileName)
  const identity = await ownIdentity()
  // Linked into place with its content: a half-written claim would look like one nobody holds.
  const draft = `${path}.${process.pid}.${randomUUID()}`
  await writeFile(draft, JSON.stringify(identity), { flag: 'wx', mode: 0o600 })
  try {
    while (!(await linkIfFree(draft, path))) {
      const holder = await readRunning(dataFolder)
      if (holder) throw alreadyRunning(dataFolder, holder)
      await rm(path, { force: true })
    }
  } finally {
    await rm(draft, { force: true })
  }
  return {
    async announce(addresses) {
      await writeDurably(path, `${JSON.stringify({ ...identity, ...addresses }, undefined, 2)}\n`, 0o600)
    },
    async release() {
      await rm(path, { force: true })
    },
  }
}

async function linkIfFree(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Throws EACSSIMRUNNING (conflict) when a simulator is alive on that folder. */
export async function claimFree(dataFolder: string): Promise<void> {
  const holder = await readRunning(dataFolder)
  if (holder) throw alreadyRunning(dataFolder, holder)
}

/** The simulator alive on that folder; `undefined` when there is none, whatever a crash left behind. */
export async function readRunning(dataFolder: string): Promise<RunningSimulator | undefined> {
  let text: string
  try {
    text = await readFile(join(dataFolder, fileName), 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  const running = parse(text)
  return running && (await isAlive(running)) ? running : undefined
}

function alreadyRunning(dataFolder: string, holder: RunningSimulator): AcsError {
  const where = holder.endpoint === undefined ? '' : ` and answers on ${holder.endpoint}`
  return new AcsError(
    'conflict',
    'EACSSIMRUNNING',
    `a simulator (process ${holder.pid}) already uses ${dataFolder}${where}`,
    {
      hints: ['acs sim status', 'acs sim stop', 'acs sim start --data DIR   # a second cluster, in its own folder'],
      details: { pid: holder.pid, endpoint: holder.endpoint, dataFolder },
    },
  )
}

function parse(text: string): RunningSimulator | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const entries = new Map<string, unknown>(Object.entries(value))
  const { pid, startTicks, bootId } = Object.fromEntries(entries)
  if (typeof pid !== 'number' || typeof startTicks !== 'number' || typeof bootId !== 'string') return undefined
  const known = addressFields.flatMap((name) => {
    const found = entries.get(name)
    return typeof found === 'string' ? [[name, found] as const] : []
  })
  const addresses: Partial<Addresses> = Object.fromEntries(known)
  return { pid, startTicks, bootId, ...addresses }
}
