import { AcsError, isAcsError } from '../base/errors.js'
import { checkSecret, keepChapSecret } from './chap.js'
import { announceStep, note, type VolumeContext } from './context.js'
import { renamed } from './find.js'
import { checkMountPoint, resolveMountPoint } from './mount-point.js'
import type { Step } from './plan.js'
import { isReadable, runSession } from './session.js'
import { nameOf, type Volume } from './volume.js'

export interface MountVolumeRequest {
  volume: string
  /** The name it must have, where it was chosen by that and not just now. Throws EACSRENAMED. */
  name?: string
  /** Default `/mnt/acs/<name>`. */
  mountPoint?: string
  readOnly?: boolean
  options?: readonly string[]
  takeOver?: boolean
  chapSecret?: string
  dryRun?: boolean
  /** Called under the volume's lock before anything is done, with whether it is mounted there already. */
  before?: (alreadyMounted: boolean) => Promise<void>
  /** Called under the volume's lock when it is mounted. */
  settle?: () => Promise<void>
}

export interface MountResult {
  volume: Volume
  mountPoint: string
  devicePath?: string
  /** False when it was mounted already. */
  changed: boolean
  /** It was formatted now, its first mount. */
  formatted: boolean
  planned?: string[]
}

/** How long to wait for the first reader to let others in; it has only a journal to replay. */
const openingMs = 30_000

/**
 * Attaches the volume exclusively and mounts it; formats it when it is new, by its one-shot token and an empty
 * disk proven by several tools. Idempotent; after a crash the same command goes on.
 *
 * A read-only volume that has its filesystem is mounted read-only, beside other machines that do. Of several that begin at
 * once one is first; the others wait for it.
 */
export async function mountVolume(context: VolumeContext, request: MountVolumeRequest): Promise<MountResult> {
  const until = Date.now() + openingMs
  for (;;) {
    try {
      return await mountOnce(context, request)
    } catch (error) {
      if (!isAcsError(error) || error.details.again !== true || Date.now() > until) throw error
      announceStep(context, `waiting for the first reader: ${error.message}`)
      await context.deadline.sleep(100 + Math.random() * 200, error.message)
    }
  }
}

async function mountOnce(context: VolumeContext, request: MountVolumeRequest): Promise<MountResult> {
  const mountPoint = request.mountPoint === undefined ? undefined : await resolveMountPoint(request.mountPoint)
  const result = await runSession(context, {
    volume: request.volume,
    intent: 'mount',
    desired: (volume) => ({
      state: 'mounted',
      takeOver: request.takeOver ?? false,
      shared: isReadable(volume),
    }),
    ...(mountPoint === undefined ? {} : { mountPoint }),
    ...(request.readOnly === undefined ? {} : { readOnly: request.readOnly }),
    ...(request.options ? { mountOptions: request.options } : {}),
    ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
    check: async (work) => {
      const { volume, observed } = work.finding
      if (request.name !== undefined && volume.group.name !== request.name) throw renamed(request.name, volume)
      if (work.readOnly && observed.token !== 'none')
        throw new AcsError(
          'conflict',
          'EACSNOFILESYSTEM',
          `volume ${nameOf(volume)} has no filesystem yet, and a read-only mount cannot make one`,
          { hints: [`Mount it once for writing: acs volume mount ${volume.group.name}`] },
        )
      if (observed.mount === 'none') await checkMountPoint(work.mountPoint, await context.host.mounts())
      if (request.chapSecret !== undefined && !request.dryRun)
        await keepChapSecret(context.stateFolder, volume.group.uuid, checkSecret(request.chapSecret))
      if (!request.dryRun) await request.before?.(observed.mount === 'here')
    },
    ...(request.settle ? { settle: request.settle } : {}),
  })
  const { work, done } = result
  const has = (step: Step): boolean => done.includes(step)
  if (done.length === 0 && !result.planned)
    note(context, `volume ${nameOf(result.volume)} is mounted at ${work.mountPoint} already`)
  return {
    volume: result.volume,
    mountPoint: work.mountPoint,
    changed: has('mount'),
    formatted: has('make-filesystem'),
    ...(work.finding.disk ? { devicePath: work.finding.disk.devicePath } : {}),
    ...(result.planned ? { planned: result.planned } : {}),
  }
}
