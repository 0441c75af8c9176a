import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import { errorCode, isAcsError } from '../../base/errors.js'
import { defaultPluginName } from '../install/units.js'
import { notRoot, readStatus } from './client.js'
import { statusSocketName, statusSocketPath } from './place.js'
import type { PluginStatus } from './schema.js'

export interface FoundPlugins {
  /** The one that was asked for; without a name `nutanix`, or else the only one there is. */
  plugin?: PluginStatus
  /** Names of others that run here. */
  others: string[]
  /** Names of those whose socket is there and nobody behind it: killed, or crashed. */
  dead: string[]
}

/** The plugins that run on this machine, by their sockets. Throws as `readStatus`. */
export async function findPlugins(
  runtimeFolder: string,
  name: string | undefined,
  deadline: Deadline,
): Promise<FoundPlugins> {
  const names = await statusNames(runtimeFolder)
  const wanted = name ?? defaultPluginName
  const dead: string[] = []
  const found = await Promise.all(
    names.map(async (each) => {
      try {
        const status = await readStatus(statusSocketPath(runtimeFolder, each), deadline)
        if (!status) dead.push(each)
        return status
      } catch (error) {
        // What is wrong with others is not asked for.
        if (each === wanted || names.length === 1 || isAcsError(error, 'EACSINTERRUPTED')) throw error
        return undefined
      }
    }),
  )
  const plugins = found.filter((status) => status !== undefined)
  const plugin = plugins.find((each) => each.name === wanted) ?? (name === undefined ? plugins[0] : undefined)
  return {
    ...(plugin ? { plugin } : {}),
    others: plugins.filter((each) => each !== plugin).map((each) => each.name),
    dead,
  }
}

async function statusNames(runtimeFolder: string): Promise<string[]> {
  try {
    return (await readdir(runtimeFolder)).flatMap((file) => statusSocketName(file) ?? []).sort()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    if (errorCode(error) === 'EACCES') throw notRoot(join(runtimeFolder))
    throw error
  }
}
