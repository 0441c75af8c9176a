import { deadlineIn } from '../base/deadline.js'
import { messageOf } from '../base/errors.js'
import { podmanId } from '../volume/references.js'
import { isActive, type DockerContainer } from './docker-api.js'
import type { PluginLog } from './driver.js'
import type { HostVolumes } from './host-volumes.js'

export interface StaleReferencesOptions {
  volumes: HostVolumes
  log: PluginLog
  /** The containers that have the volume among theirs, running or not; rejects when Docker does not answer. */
  containersNaming: (volume: { uuid: string; name: string }) => Promise<readonly DockerContainer[]>
  now?: () => number
}

/**
 * Docker mounts a container's volumes one after the other, at most two minutes each, and all the while the container does not
 * run yet (seen: 20 volumes, 6 s each). So long after this host's last mount, no container is being started.
 */
const startingMs = 150_000

/**
 * Finds callers that are gone without having said so: Docker gives up an unmount after 15 s when the plugin is down,
 * and never comes back to it. Gone is a volume's set of callers when Docker says that no container uses it or is being
 * started with it, and its disk is mounted nowhere besides, at two looks in a row with nothing changed between. Returns the look.
 *
 * Never called from within a call of Docker's, which may be waiting for that call.
 */
export function createStaleReferences(options: StaleReferencesOptions): () => Promise<void> {
  const { volumes, log, now = Date.now } = options
  /** Volumes that nobody used at the last look, with the callers they had. */
  let suspects = new Map<string, string>()

  function mayBeStarting(): boolean {
    const mounted = volumes.all().flatMap(({ ids }) => ids.map(({ at }) => Date.parse(at)))
    return now() - Math.max(...mounted) < startingMs
  }

  async function isUnused(uuid: string, name: string): Promise<boolean> {
    const containers = await options.containersNaming({ uuid, name })
    if (containers.some(isActive) || (containers.length > 0 && mayBeStarting())) return false
    return !(await volumes.isUsedBeside(uuid, deadlineIn(10_000)))
  }

  return async () => {
    const found = new Map<string, string>()
    for (const { uuid, name, ids } of volumes.all()) {
      if (ids.length === 0) continue
      const callers = ids.map(({ id }) => id)
      // Podman mounts without a container too: podman volume mount.
      if (callers.includes(podmanId)) continue
      try {
        if (!(await isUnused(uuid, name))) continue
      } catch (error) {
        log.debug({ volume: name, error: messageOf(error) }, 'cannot tell whether containers use the volume')
        continue
      }
      if (suspects.get(uuid) === callers.join())
        await volumes.dropReferences(uuid, callers, 'no container uses the volume')
      else found.set(uuid, callers.join())
    }
    suspects = found
  }
}
