import { AcsError } from '../base/errors.js'
import type { StorageContainer } from '../prism/prism.js'
import type { VolumeContext } from './context.js'
import { isUuid, printable } from './names.js'

/**
 * The storage container of that name or UUID; without one, the only one there is for people, or the one the
 * cluster was born with.
 * Throws EACSNOCONTAINER (not found) or EACSCONTAINER (usage) when a choice is needed.
 */
export async function findContainer(
  context: Pick<VolumeContext, 'prism' | 'deadline'>,
  nameOrUuid: string | undefined,
): Promise<StorageContainer> {
  const containers = await context.prism.storageContainers({ deadline: context.deadline })
  const usable = containers.filter((container) => !container.internal)
  const names = usable.map((container) => printable(container.name)).join(', ') || 'none'
  if (nameOrUuid !== undefined) {
    const found = containers.find(
      (container) =>
        container.name === nameOrUuid || (isUuid(nameOrUuid) && container.uuid === nameOrUuid.toLowerCase()),
    )
    if (found) return found
    throw new AcsError('not-found', 'EACSNOCONTAINER', `there is no storage container "${printable(nameOrUuid)}"`, {
      hints: [`The cluster has: ${names}`],
      details: { container: nameOrUuid },
    })
  }
  // Every cluster is born with one `default-container-<number>` (recorded).
  const defaults = usable.filter((container) => /^default-container-\d+$/.test(container.name))
  const [only] = usable.length === 1 ? usable : defaults
  if (only && (usable.length === 1 || defaults.length === 1)) return only
  throw new AcsError('usage', 'EACSCONTAINER', `say which storage container to use (the cluster has: ${names})`, {
    hints: ['Name it with --container, or set a default with ACS_CONTAINER'],
  })
}
