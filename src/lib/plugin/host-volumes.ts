import { deadlineIn, type Deadline } from '../base/deadline.js'
import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import type { MountEntry } from '../host/host.js'
import type { VolumeGroup } from '../prism/prism.js'
import type { VolumeContext } from '../volume/context.js'
import { noIntent, readJournal } from '../volume/journal.js'
import { mountVolume, type MountVolumeRequest } from '../volume/mount.js'
import { placeIn, resolveMountPoint } from '../volume/mount-point.js'
import { printable } from '../volume/names.js'
import {
  allReferences,
  forgetReferences,
  withoutReference,
  withReference,
  writeReferences,
  type References,
} from '../volume/references.js'
import { unmountVolume } from '../volume/unmount.js'
import { clearAway, failIo, findPart } from './clear-away.js'
import type { Call, PluginLog } from './driver.js'
import type { KnownVolume } from './known-volumes.js'
import type { KeyedLocks } from './locks.js'
import { removeEmptyFolder, removeLostAndFound } from './place.js'
import { createSemaphore } from './semaphore.js'

/** A detach that nobody waits for may take long: the disk's cache has to reach the cluster. */
const detachMs = 300_000
/** Of the minute Docker gives an unmount; a detach flushes again. */
const syncMs = 40_000
/** How often to look whether a volume that no ID stands for is still mounted besides. */
const usedBesideMs = 5_000
const firstRetryMs = 2_000
const slowestRetryMs = 60_000
/**
 * Volumes that are attached and mounted at a time. A host that boots starts all its containers at once, and Docker gives each
 * mount two minutes: side by side 64 of them were all unfinished by then, on a busy host with two cores.
 */
const mostMounting = 8

export interface HostVolumesOptions {
  stateFolder: string
  mountFolder: string
  /** How long a volume stays attached after its last ID: `docker run` mounts twice. */
  lingerMs: () => number
  locks: KeyedLocks
  log: PluginLog
  /** What the volume services work with, for one piece of work. */
  context: (work: { deadline: Deadline; log: PluginLog }) => VolumeContext
  /** Runs `use`, which claims the volume, and gets the volume from whoever holds it. Throws EACSHELD. */
  acquire: (volume: KnownVolume, call: Call, use: () => Promise<void>) => Promise<void>
  /** Told what the cluster said of a volume that was mounted: who holds it now, for the next inspect. */
  learn: (group: VolumeGroup) => void
  /** A detach failed, and is tried again. */
  retried: () => void
}

/** What became of a request to let go of a volume. */
export type LetGo = { state: 'released' | 'not-held' } | { state: 'in-use'; references: References }

export type HostVolumeState = 'mounted' | 'lingering' | 'changing' | 'lost'

/** The volumes this host has on Docker's behalf: mounted once each, whatever the number of callers. */
export interface HostVolumes {
  /** Mounts the volume for one caller. Idempotent. */
  mount(volume: KnownVolume, id: string, call: Call): Promise<{ mountPoint: string }>
  /** Takes back one caller's mount; the last one's starts the linger. An unknown ID, and an unknown volume, are fine. */
  unmount(name: string, id: string, call: Call): Promise<void>
  /** Detaches the volume now if no caller has it: another host asks, or it is to be removed. */
  letGo(uuid: string, deadline: Deadline): Promise<LetGo>
  /** Detaches everything that only lingers. Errors are logged; what remains is found again at the next start. */
  letGoOfAll(deadline: Deadline): Promise<void>
  /** Drops IDs of callers that are provably gone, and detaches when none is left. */
  dropReferences(uuid: string, ids: readonly string[], why: string): Promise<void>
  /** Takes what is here of a volume off this machine, as the cluster gave it to someone else. IDs stay until their callers say so. */
  loseVolume(uuid: string, why: string, deadline: Deadline): Promise<void>
  byName(name: string): References | undefined
  byUuid(uuid: string): References | undefined
  all(): References[]
  /**
   * Which of its mounts a volume is in: a new number each time, undefined before it is mounted and once it is to be
   * detached. What the cluster said within one of them is no news from before it or after it.
   */
  stay(uuid: string): number | undefined
  /** Whether anybody has it mounted but the plugin itself, by what the kernel shows. Waits while something is being done to it. */
  isUsedBeside(uuid: string, deadline: Deadline): Promise<boolean>
  /** Volumes that were lost and still have callers. */
  isLost(uuid: string): boolean
  /**
   * `lingering`: no caller has it, and it is still attached. `changing`: it is being mounted or detached. `lost`: callers
   * have it, and it is not here any more, or may not be used.
   */
  state(uuid: string): HostVolumeState
  /** When a volume that no caller has is to be detached, or tried again; undefined for any other. */
  lingersUntil(uuid: string): Date | undefined
  /** Starts the linger of what has no caller; after a start, for what an earlier process left. */
  settle(): void
  stop(): void
}

/**
 * Reads what an earlier process of the same boot left; what is of an earlier boot is forgotten, as nothing of it is mounted.
 * Throws EACSMOUNTPOINT for a mount folder that is none.
 */
export async function openHostVolumes(options: HostVolumesOptions): Promise<HostVolumes> {
  const { stateFolder, locks, log } = options
  // As the kernel shows it: /mnt is a link on some systems.
  const mountFolder = await resolveMountPoint(options.mountFolder)
  const { bootId } = await options.context({ deadline: deadlineIn(10_000), log }).host.identity()
  const held = new Map<string, References>()
  const lost = new Set<string>()
  const timers = new Map<string, { timer: NodeJS.Timeout; at: Date }>()
  const stays = new Map<string, number>()
  const mounting = createSemaphore(mostMounting, 'this host')
  let lastStay = 0
  let stopped = false
  // One file that cannot be read keeps no other volume from its containers. Its volume counts as mounted by hand.
  const unreadable = (error: AcsError): void =>
    log.error({ code: error.code, error: error.message }, 'a volume is left alone: who uses it is not known')
  for (const references of await allReferences(stateFolder, unreadable))
    if (references.bootId === bootId) {
      held.set(references.uuid, references)
      // Half a mount has no caller yet.
      if (references.ids.length > 0) beginStay(references.uuid)
    } else await forgetReferences(stateFolder, references.uuid)

  const save = async (references: References): Promise<void> => {
    await writeReferences(stateFolder, references)
    held.set(references.uuid, references)
  }
  const forget = async (uuid: string): Promise<void> => {
    await forgetReferences(stateFolder, uuid)
    held.delete(uuid)
    lost.delete(uuid)
  }
  function beginStay(uuid: string): void {
    lastStay += 1
    stays.set(uuid, lastStay)
  }
  const byName = (name: string): References | undefined => [...held.values()].find((each) => each.name === name)

  function detachIn(uuid: string, ms: number, failures = 0): void {
    cancelDetach(uuid)
    if (stopped) return
    const timer = setTimeout(() => void detachUnused(uuid, failures), ms).unref()
    timers.set(uuid, { timer, at: new Date(Date.now() + ms) })
  }

  function cancelDetach(uuid: string): void {
    clearTimeout(timers.get(uuid)?.timer)
    timers.delete(uuid)
  }

  async function detachUnused(uuid: string, failures: number): Promise<void> {
    timers.delete(uuid)
    const name = held.get(uuid)?.name
    try {
      const { state } = await letGo(uuid, deadlineIn(detachMs))
      if (state === 'in-use' && held.get(uuid)?.ids.length === 0) detachIn(uuid, usedBesideMs)
    } catch (error) {
      const retryMs = Math.min(slowestRetryMs, firstRetryMs * 2 ** failures)
      log.warn(
        { volume: name, code: isAcsError(error) ? error.code : undefined, error: messageOf(error), retryMs },
        'could not detach',
      )
      options.retried()
      detachIn(uuid, retryMs, failures + 1)
    }
  }

  async function letGo(uuid: string, deadline: Deadline): Promise<LetGo> {
    return locks.run(uuid, deadline, 'detach', async () => {
      const references = held.get(uuid)
      if (!references) return { state: 'not-held' }
      if (references.ids.length > 0 || (await isUsedBeside(references, deadline)))
        return { state: 'in-use', references }
      cancelDetach(uuid)
      try {
        if (references.byHand) await forget(uuid)
        else await takeDown(references, deadline)
      } catch (error) {
        // Whoever asked may not ask again.
        detachIn(uuid, firstRetryMs)
        throw error
      }
      return { state: 'released' }
    })
  }

  /**
   * Whether it is mounted besides: in a container that no ID stands for, as `docker cp` into a running container mounts and
   * unmounts with the container's own ID (moby: volume/mounts, `active`; seen with 20.10); or at another place of this
   * machine, as dockerd does for a `docker cp` into a stopped one, and people by hand.
   */
  async function isUsedBeside(references: References, deadline: Deadline): Promise<boolean> {
    const context = options.context({ deadline, log })
    const { disk } = await findPart(context, references)
    if (!disk) return false
    const isBeside = (mount: MountEntry): boolean =>
      mount.deviceNumber === disk.deviceNumber && mount.mountPoint !== references.mountPoint
    const { host } = context
    return (await host.mounts()).some(isBeside) || (await host.mountedElsewhere(disk.deviceNumber)).length > 0
  }

  /** Unmount, detach, release: in order where the cluster knows the volume, else only here. */
  async function takeDown(references: References, deadline: Deadline): Promise<void> {
    const { uuid, mountPoint, name } = references
    stays.delete(uuid)
    const context = options.context({ deadline, log: log.child({ volume: name }) })
    try {
      await unmountVolume(context, { volume: uuid, all: true, settle: () => forget(uuid) })
    } catch (error) {
      if (!isAcsError(error, 'EACSNOTFOUND')) throw error
      await clearAway(context, references)
      await forget(uuid)
    }
    await removeEmptyFolder(mountPoint)
    log.info({ volume: name }, 'detached')
  }

  /** Whether it was mounted to the end, its root's owner included; an earlier process may have died before. */
  async function isWhole({ uuid }: References): Promise<boolean> {
    if (stays.has(uuid)) return true
    const journal = await readJournal(stateFolder, uuid)
    return journal === undefined || (journal.intent === noIntent && !journal.facts.ownerPending)
  }

  /** Mounted where it belongs and on the volume's own disk, by what this machine shows; asks nothing of the cluster. */
  async function isMountedHere(volume: KnownVolume, references: References, call: Call): Promise<boolean> {
    if (lost.has(volume.uuid)) return false
    const context = options.context(call)
    const initiator = await context.host.initiator(context.initiator ?? 'auto', call.deadline)
    const [disks, mounts] = await Promise.all([initiator.attached(call.deadline), context.host.mounts()])
    const disk = disks.find(({ targetName, lun }) => targetName === volume.target && lun === 0)
    return mounts.some(
      ({ mountPoint, deviceNumber }) => mountPoint === references.mountPoint && deviceNumber === disk?.deviceNumber,
    )
  }

  async function sync(references: References, call: Call): Promise<void> {
    const { host } = options.context(call)
    try {
      await call.step('sync', () => host.sync(references.mountPoint, call.deadline.atMost(syncMs)))
    } catch (error) {
      call.log.warn({ volume: references.name, error: messageOf(error) }, 'could not flush; the detach will')
    }
  }

  async function takeLostAndFound(volume: KnownVolume, mountPoint: string, call: Call): Promise<void> {
    if (volume.filesystem === 'xfs' || volume.filesystem === 'btrfs') return
    const left = await removeLostAndFound(mountPoint)
    if (left === 'holds files') call.log.warn({ volume: volume.name }, 'fsck saved files in lost+found')
  }

  async function mountNow(volume: KnownVolume, references: References, id: string, call: Call): Promise<void> {
    const context = options.context(call)
    const request: MountVolumeRequest = {
      volume: volume.uuid,
      name: volume.name,
      mountPoint: references.mountPoint,
      before: async (alreadyMounted) => {
        // Before the mount, so that whatever becomes of this process, the mount is known to be the plugin's.
        if (!held.has(volume.uuid)) await save({ ...references, ...(alreadyMounted ? { byHand: true } : {}) })
      },
      settle: async () => {
        await takeLostAndFound(volume, references.mountPoint, call)
        // Docker has given up: without the reference the mount is taken back.
        call.deadline.check('mounting')
        await save(withReference(held.get(volume.uuid) ?? references, id))
      },
    }
    // Whoever waits for another host to let go takes nobody's turn.
    await options.acquire(volume, call, () =>
      mounting.run(call.deadline, `mount ${volume.name}`, async () => {
        const { volume: mounted } = await mountVolume(context, request)
        options.learn(mounted.group)
      }),
    )
  }

  return {
    mount: (volume, id, call) =>
      locks.run(volume.uuid, call.deadline, 'mount', async () => {
        cancelDetach(volume.uuid)
        const before = held.get(volume.uuid)
        const references = before ?? {
          v: 1 as const,
          uuid: volume.uuid,
          name: volume.name,
          target: volume.target,
          mountPoint: placeIn(mountFolder, volume),
          bootId,
          ids: [],
        }
        const { mountPoint } = references
        try {
          if (before && (await isWhole(before)) && (await isMountedHere(volume, before, call))) {
            if (!stays.has(volume.uuid)) {
              await takeLostAndFound(volume, mountPoint, call)
              beginStay(volume.uuid)
            }
            await save(withReference(before, id))
            return { mountPoint }
          }
          if (lost.has(volume.uuid)) await takeAwayLost(references, call.deadline)
          stays.delete(volume.uuid)
          await call.step('mount', () => mountNow(volume, references, id, call))
          beginStay(volume.uuid)
          return { mountPoint }
        } finally {
          if (held.get(volume.uuid)?.ids.length === 0) detachIn(volume.uuid, 0)
        }
      }),

    async unmount(name, id, call) {
      const named = [...held.values()].filter((each) => each.name === name)
      // Of two with one name, as after a rename in Prism, the caller's.
      const { uuid } = named.find(({ ids }) => ids.some((each) => each.id === id)) ?? named[0] ?? {}
      if (uuid === undefined) return
      await locks.run(uuid, call.deadline, 'unmount', async () => {
        const references = held.get(uuid)
        if (!references) return
        const left = withoutReference(references, id)
        // When a container has ended, what it wrote is on the cluster, whatever becomes of this host.
        const isHere = stays.has(uuid)
        if (left.ids.length === 0 && references.ids.length > 0 && isHere) await sync(references, call)
        if (left !== references) await save(left)
        if (left.ids.length === 0 && !timers.has(uuid)) detachIn(uuid, isHere ? options.lingerMs() : 0)
      })
    },

    letGo,

    async letGoOfAll(deadline) {
      const unused = [...held.values()].filter((references) => references.ids.length === 0)
      await Promise.all(
        unused.map((references) =>
          letGo(references.uuid, deadline).catch((error: unknown) =>
            log.warn({ volume: references.name, error: messageOf(error) }, 'could not detach'),
          ),
        ),
      )
    },

    async dropReferences(uuid, ids, why) {
      await locks.run(uuid, deadlineIn(detachMs), 'drop references', async () => {
        const references = held.get(uuid)
        if (!references) return
        const left = ids.reduce(withoutReference, references)
        if (left === references) return
        log.warn({ volume: references.name, ids, why }, 'dropped references of callers that are gone')
        await save(left)
        if (left.ids.length === 0) detachIn(uuid, 0)
      })
    },

    async loseVolume(uuid, why, deadline) {
      const references = held.get(uuid)
      if (!references) return
      if (!lost.has(uuid))
        log.error({ volume: references.name, ids: references.ids.map(({ id }) => id), why }, 'lost the volume')
      lost.add(uuid)
      stays.delete(uuid)
      // At once, and without the lock: whoever holds it may be waiting for this very I/O.
      await failIo(options.context({ deadline, log }), references, () => lost.has(uuid))
      await locks.run(uuid, deadline, 'clear away a lost volume', async () => {
        const now = held.get(uuid)
        // A mount that came meanwhile has done it, and may have got the volume back.
        if (now && lost.has(uuid)) await takeAwayLost(now, deadline)
      })
    },

    stay: (uuid) => stays.get(uuid),
    isUsedBeside: (uuid, deadline) =>
      locks.run(uuid, deadline, 'look at the volume', async () => {
        const references = held.get(uuid)
        return references !== undefined && (await isUsedBeside(references, deadline))
      }),

    byName,
    byUuid: (uuid) => held.get(uuid),
    all: () => [...held.values()],
    isLost: (uuid) => lost.has(uuid),
    state(uuid) {
      const used = (held.get(uuid)?.ids.length ?? 0) > 0
      if (lost.has(uuid)) return 'lost'
      if (stays.has(uuid)) return used ? 'mounted' : 'lingering'
      if (locks.has(uuid)) return 'changing'
      return used ? 'lost' : timers.has(uuid) ? 'lingering' : 'changing'
    },
    lingersUntil: (uuid) => timers.get(uuid)?.at,
    settle() {
      for (const { uuid, ids } of held.values()) if (ids.length === 0) detachIn(uuid, options.lingerMs())
    },
    stop() {
      stopped = true
      for (const uuid of [...timers.keys()]) cancelDetach(uuid)
    },
  }

  /** What is here of a lost volume goes, as far as its callers let it; `lost` stays set until it is gone. */
  async function takeAwayLost(references: References, deadline: Deadline): Promise<void> {
    const context = options.context({ deadline, log })
    try {
      await clearAway(context, references)
    } catch (error) {
      if (!isAcsError(error, 'EACSBUSY')) throw error
      throw new AcsError(
        'conflict',
        'EACSLOST',
        `this host lost volume "${printable(references.name)}", and a container still has it mounted: ${error.message}`,
        {
          cause: error,
          hints: [`Stop the containers that use it: docker ps --filter volume=${printable(references.name)}`],
          details: { uuid: references.uuid },
        },
      )
    }
    if (references.ids.length === 0) await forget(references.uuid)
    else lost.delete(references.uuid)
    await removeEmptyFolder(references.mountPoint)
    log.info({ volume: references.name }, 'cleared away what was left of a lost volume')
  }
}
