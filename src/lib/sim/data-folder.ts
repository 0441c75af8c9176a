import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError, errorCode } from '../base/errors.js'
import { isRoot, userFolder } from '../base/user-folder.js'

/** Where `acs sim` keeps its cluster when nobody says otherwise. */
export function defaultDataFolder(): string {
  return isRoot() ? '/var/lib/acs/sim' : join(userFolder('data'), 'sim')
}

export const logFileName = 'simulator.log'

const ours =
  /^(snapshot\.json|journal-\d+\.log|disks|password|certificate\.pem|key\.pem|running\.json.*|simulator\.log|\..+\.tmp)$/

/** Removes a stopped simulator's cluster, files of ours only. Throws EACSSIMFOLDER when the folder holds anything else's journal, i.e. none. */
export async function forgetCluster(dataFolder: string): Promise<boolean> {
  let names: string[]
  try {
    names = await readdir(dataFolder)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
  if (names.length === 0) return false
  if (!names.some((name) => /^(snapshot\.json|journal-\d+\.log)$/.test(name)))
    throw new AcsError('usage', 'EACSSIMFOLDER', `${dataFolder} holds no simulator's state; nothing was removed`, {
      hints: ['Name the data folder of the simulator with --data DIR'],
    })
  for (const name of names.filter((candidate) => ours.test(candidate)))
    await rm(join(dataFolder, name), { recursive: true, force: true })
  return true
}
