import { AcsError } from '../base/errors.js'
import { formatSize, parseSize } from '../base/sizes.js'
import { printable } from './names.js'
import { isOurs, isTrashed, sizeOf, type Volume } from './volume.js'

/** Absent: no limit. */
export interface QuotaLimit {
  volumes?: number
  /** `500G` */
  size?: string
}

/** The shape of the plugin's configuration. */
export interface QuotaPolicy {
  /** Of what this host created, wherever it is used. */
  host?: QuotaLimit
  /** Of what all hosts created in a storage container, by its name or UUID. */
  containers?: Readonly<Record<string, QuotaLimit>>
}

/** A volume that is to be created. */
export interface QuotaRequest {
  name: string
  sizeBytes: number
  /** Who asks. */
  hostName: string
  container: { uuid: string; name: string }
}

/**
 * Whether one more volume is within all limits. Counted are volumes that acs made, retained ones too. Not counted: snapshots
 * and what is in the trash, as neither is in the hands of whoever asks; the trash has an end of its own. Two hosts that
 * ask in one moment may both be let through: a quota is no lock. Throws EACSQUOTA (conflict) with limit, use and request.
 */
export function checkQuota(volumes: readonly Volume[], policy: QuotaPolicy, request: QuotaRequest): void {
  const counted = volumes.filter((volume) => isOurs(volume) && !volume.trailer?.snap && !isTrashed(volume))
  const { container, hostName } = request
  const ofHost = counted.filter(({ trailer }) => trailer?.c === creatorName(hostName))
  check(`this host, ${hostName},`, policy.host, ofHost.map(wholeSize), request)
  const limit = policy.containers?.[container.name] ?? policy.containers?.[container.uuid]
  const inContainer = counted.flatMap(({ group }) => {
    const disks = group.disks.filter((disk) => disk.storageContainerUuid === container.uuid)
    return disks.length === 0 ? [] : [sizeOf({ ...group, disks })]
  })
  check(`storage container "${container.name}"`, limit, inContainer, request)
}

/** A host's name as a volume's record keeps it: kernels allow 64 characters, and names of containers can be longer. */
export function creatorName(hostName: string): string {
  return hostName.slice(0, 64)
}

function check(whose: string, limit: QuotaLimit | undefined, sizes: readonly number[], request: QuotaRequest): void {
  if (limit === undefined) return
  const used = sizes.reduce((sum, size) => sum + size, 0)
  if (limit.volumes !== undefined && sizes.length + 1 > limit.volumes)
    throw exceeded(whose, request, {
      limit: `${limit.volumes} volume${limit.volumes === 1 ? '' : 's'}`,
      used: `${sizes.length}`,
      asked: 'one more',
    })
  if (limit.size === undefined) return
  if (used + request.sizeBytes > parseSize(limit.size))
    throw exceeded(whose, request, {
      limit: formatSize(parseSize(limit.size)),
      used: formatSize(used),
      asked: formatSize(request.sizeBytes),
    })
}

function exceeded(
  whose: string,
  request: QuotaRequest,
  numbers: { limit: string; used: string; asked: string },
): AcsError {
  const { limit, used, asked } = numbers
  return new AcsError(
    'conflict',
    'EACSQUOTA',
    printable(
      `volume "${request.name}" is more than ${whose} may have: the limit is ${limit}, in use are ${used}, asked for is ${asked}`,
    ),
    {
      hints: ['Remove volumes that nobody needs, or ask the administrator for more'],
      details: { name: request.name, ...numbers },
    },
  )
}

function wholeSize({ group }: Volume): number {
  return sizeOf(group)
}
