import type { Deadline } from '../../base/deadline.js'
import { canonicalName } from '../../volume/inline-name.js'
import { isActive, type DockerApi } from '../docker-api.js'

/** Names of the containers that have volumes mounted, by the volume's own name; undefined when Docker does not say in time. */
export async function containersByVolume(
  docker: Pick<DockerApi, 'volumeMounts'>,
  deadline: Deadline,
): Promise<ReadonlyMap<string, string[]> | undefined> {
  let mounts: Awaited<ReturnType<DockerApi['volumeMounts']>>
  try {
    mounts = await docker.volumeMounts(deadline)
  } catch {
    return undefined
  }
  const found = new Map<string, string[]>()
  for (const { container, volumeName, driver } of mounts) {
    if (driver === 'local' || !isActive(container)) continue
    // Docker may know it as db,size=20G.
    const name = canonicalName(volumeName)
    const names = found.get(name) ?? []
    found.set(name, names)
    if (!names.includes(container.name)) names.push(container.name)
  }
  return found
}
