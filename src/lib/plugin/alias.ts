import { lstat, readlink, symlink, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { errorCode, messageOf } from '../base/errors.js'
import type { PluginLog } from './driver.js'
import { managedName } from './managed-name.js'

/** A second name of the plugin's socket, while it lasts. */
export interface Alias {
  /** Takes the name away, if it still is ours. Before the socket goes, so that it is no other plugin's by then. */
  release(): Promise<void>
}

/** `/run/docker/plugins/nutanix:latest.sock` beside `nutanix.sock`. */
export function aliasPath(socketPath: string): string {
  return join(dirname(socketPath), `${managedName(basename(socketPath, '.sock'))}.sock`)
}

/**
 * Lets containers and volumes of a managed plugin of the same name find this one: dockerd looks for their driver by that
 * name, and follows the link. It does not count links when it looks for plugins, so that nobody else sees a second
 * driver (moby pkg/plugins/discovery.go, `Plugin` and `Scan`). A link that is left when the process is killed is taken over by the next.
 *
 * What is there already and is not ours stays, and so does this plugin without the name: that is logged.
 */
export async function linkAlias(socketPath: string, log: PluginLog): Promise<Alias> {
  const path = aliasPath(socketPath)
  const isOurs = async (): Promise<boolean> => {
    const found = await lstat(path).catch(() => undefined)
    return found?.isSymbolicLink() === true && resolve(dirname(path), await readlink(path)) === resolve(socketPath)
  }
  try {
    // Relative: also right for who sees the folder under another name, as from within a container.
    await symlink(basename(socketPath), path)
  } catch (error) {
    if (!(errorCode(error) === 'EEXIST' && (await isOurs())))
      log.warn(
        { path, error: messageOf(error) },
        'containers of a managed plugin do not find this one: its second name cannot be had',
      )
  }
  return {
    async release() {
      if (await isOurs()) await unlink(path).catch(() => undefined)
    },
  }
}
