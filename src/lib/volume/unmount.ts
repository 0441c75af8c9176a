import { AcsError } from '../base/errors.js'
import { note, type VolumeContext } from './context.js'
import { resolveMountPoint } from './mount-point.js'
import { printable } from './names.js'
import { readReferences } from './references.js'
import { runSession } from './session.js'
import type { Work } from './steps.js'
import { nameOf, type Volume } from './volume.js'

export interface UnmountRequest {
  volume: string
  /** Only this mount point; needed when there are several and `all` is not set. */
  mountPoint?: string
  all?: boolean
  keepAttached?: boolean
  dryRun?: boolean
  /** Called under the volume's lock when nothing of it is here any more. */
  settle?: () => Promise<void>
}

export interface UnmountResult {
  volume: Volume
  /** Where it was mounted. */
  mountPoints: string[]
  changed: boolean
  planned?: string[]
}

/** Unmounts the volume and detaches it from this machine, unless it is to stay attached. Idempotent. */
export async function unmountVolume(context: VolumeContext, request: UnmountRequest): Promise<UnmountResult> {
  const mountPoint = request.mountPoint === undefined ? undefined : await resolveMountPoint(request.mountPoint)
  const places: string[] = []
  const result = await runSession(context, {
    volume: request.volume,
    intent: 'unmount',
    desired: request.keepAttached ? { state: 'unmounted' } : { state: 'detached', unmount: true },
    ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
    check: async (work) => {
      checkPlaces(work, request, mountPoint)
      await refuseReferenced(context, work)
      places.push(...work.finding.mounts.map((mount) => mount.mountPoint))
    },
    ...(request.settle ? { settle: request.settle } : {}),
  })
  const changed = result.done.length > 0
  if (!changed && !result.planned) note(context, `volume ${nameOf(result.volume)} is not mounted on this machine`)
  return {
    volume: result.volume,
    mountPoints: places,
    changed,
    ...(result.planned ? { planned: result.planned } : {}),
  }
}

/** What containers use is theirs: their mounts are in namespaces of their own and would lose the disk under them. */
async function refuseReferenced(context: VolumeContext, work: Work): Promise<void> {
  const { group } = work.finding.volume
  const references = await readReferences(context.stateFolder, group.uuid)
  if (!references || references.ids.length === 0 || references.bootId !== work.me.bootId) return
  const [first] = references.ids
  throw new AcsError(
    'conflict',
    'EACSINUSE',
    `volume ${nameOf(work.finding.volume)} is used by ${references.ids.length} container mount${references.ids.length === 1 ? '' : 's'} since ${first?.at ?? ''}`,
    {
      hints: [
        `See which: docker ps --filter volume=${printable(group.name)}`,
        'When no container uses it any more: acs doctor --fix',
      ],
      details: { uuid: group.uuid, ids: references.ids.map((reference) => reference.id) },
    },
  )
}

/** Several mounts of one volume go together only when that is said. */
function checkPlaces(work: Work, request: UnmountRequest, mountPoint: string | undefined): void {
  const { mounts, volume } = work.finding
  const places = mounts.map((mount) => mount.mountPoint)
  const details = { uuid: volume.group.uuid, mountPoints: places }
  if (mountPoint !== undefined && places.length > 0 && !places.includes(mountPoint))
    throw new AcsError(
      'not-found',
      'EACSNOTMOUNTED',
      `volume ${nameOf(volume)} is not mounted at ${printable(mountPoint)} but at ${places.join(', ')}`,
      { details },
    )
  if (places.length > 1 && !request.all)
    throw new AcsError('conflict', 'EACSMOUNTED', `volume ${nameOf(volume)} is mounted at ${places.join(', ')}`, {
      hints: [`Unmount all of them: acs volume unmount ${printable(volume.group.name)} --all`],
      details,
    })
}
