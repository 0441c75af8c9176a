import type { Deadline } from '../base/deadline.js'
import { isActive, type DockerApi, type DockerContainer } from './docker-api.js'
import type { Spellings } from './spellings.js'

/** Containers that may have the volume mounted, by whatever name Docker has for it. Rejects when Docker does not answer. */
export type ContainersUsing = (volume: { uuid: string; name: string }, deadline: Deadline) => Promise<DockerContainer[]>

export function containersUsing(
  docker: Pick<DockerApi, 'containersUsing'>,
  spellings: Pick<Spellings, 'of'>,
): ContainersUsing {
  return async (volume, deadline) => {
    const names = new Set([volume.name, ...spellings.of(volume)])
    const found = await Promise.all([...names].map((name) => docker.containersUsing(name, deadline)))
    return [...new Map(found.flat().map((container) => [container.id, container])).values()].filter(isActive)
  }
}
