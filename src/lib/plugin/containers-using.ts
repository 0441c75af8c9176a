import type { Deadline } from '../base/deadline.js'
import { isActive, type DockerApi, type DockerContainer } from './docker-api.js'
import type { Spellings } from './spellings.js'

/** Containers of a volume, by whatever name Docker has for it. Rejects when Docker does not answer. */
export type ContainersOf = (volume: { uuid: string; name: string }, deadline: Deadline) => Promise<DockerContainer[]>

/** Those that may have it mounted. One that is just being started has volumes mounted too, and is not among them. */
export function containersUsing(...options: Parameters<typeof containersNaming>): ContainersOf {
  const naming = containersNaming(...options)
  return async (volume, deadline) => (await naming(volume, deadline)).filter(isActive)
}

/** Those that have it among theirs, whether they run or not. */
export function containersNaming(
  docker: Pick<DockerApi, 'containersUsing'>,
  spellings: Pick<Spellings, 'of'>,
): ContainersOf {
  return async (volume, deadline) => {
    const names = new Set([volume.name, ...spellings.of(volume)])
    const found = await Promise.all([...names].map((name) => docker.containersUsing(name, deadline)))
    return [...new Map(found.flat().map((container) => [container.id, container])).values()]
  }
}
