import { whoAmI, type VolumeContext } from './context.js'
import { execute, planWords } from './execute.js'
import { findVolumeUuid, readVolume } from './find.js'
import { openJournal } from './journal.js'
import { withVolumeLock } from './lock.js'
import { defaultMountPoint } from './mount-point.js'
import { observe, tokenIsFor } from './observe.js'
import { plan, type Desired, type Step } from './plan.js'
import { refusal } from './refusal.js'
import { splitOptions, type Work } from './steps.js'
import { refuseUnusable } from './usable.js'
import type { Volume } from './volume.js'

export interface SessionRequest {
  /** Name or UUID. */
  volume: string
  /** What the user asked for, as the journal and other waiting processes show it. */
  intent: string
  /** A function decides by what the volume is found to be, under its lock. */
  desired: Desired | ((volume: Volume) => Desired)
  mountPoint?: string
  /** A read-only volume that has its filesystem always is. */
  readOnly?: boolean
  mountOptions?: readonly string[]
  /** Only say what would be done. */
  dryRun?: boolean
  /** Looks before anything is done; may throw. */
  check?: (work: Work) => Promise<void> | void
  /** Still under the volume's lock, once all is as wanted; what it throws is the session's error, nothing is taken back. */
  settle?: (work: Work) => Promise<void>
}

export interface SessionResult {
  volume: Volume
  work: Work
  /** Steps that ran. */
  done: Step[]
  /** With `dryRun`: the steps in words. */
  planned?: string[]
}

/** One attach, mount, unmount or detach: find, lock, observe, plan and execute. */
export async function runSession(context: VolumeContext, request: SessionRequest): Promise<SessionResult> {
  const uuid = await findVolumeUuid(context, request.volume)
  const who = await whoAmI(context)
  const body = async (): Promise<SessionResult> => {
    const now = await readVolume(context, uuid)
    const mountPoint = request.mountPoint ?? defaultMountPoint(now)
    const journal = await openJournal(context, now.group, request.intent)
    const finding = await observe(context, who, journal, { volume: now, mountPoint, probe: false })
    const desired = typeof request.desired === 'function' ? request.desired(now) : request.desired
    if ('takeOver' in desired) refuseUnusable(now)
    const work: Work = {
      journal,
      ...who,
      finding,
      mountPoint,
      // Beside other readers nobody writes, whatever is asked.
      readOnly: isReadable(now) || request.readOnly === true,
      mountOptions: [...splitOptions(now.trailer?.mo), ...(request.mountOptions ?? [])],
    }
    await request.check?.(work)
    if (request.dryRun) return dryRun(work, desired)
    const done = await execute(context, work, desired, async (steps) => {
      // One that is to be formatted is proven blank, which takes all there is to look with in any case.
      const justAttached = steps.includes('attach-disk') && work.finding.observed.token === 'none'
      const probe = { justAttached }
      work.finding = await observe(context, who, journal, { volume: work.finding.volume, mountPoint, probe })
    })
    await request.settle?.(work)
    return { volume: work.finding.volume, work, done }
  }
  return request.dryRun ? body() : withVolumeLock(context, uuid, request.intent, body)
}

function dryRun(work: Work, desired: Desired): SessionResult {
  const next = plan(desired, work.finding.observed)
  if ('refusal' in next) throw refusal(next.refusal, work)
  return { volume: work.finding.volume, work, done: [], planned: planWords(desired, work) }
}

/** A read-only volume that has been formatted, or never needs to be: it is mounted read-only, by any number of machines. */
export function isReadable({ group, trailer }: Volume): boolean {
  return trailer?.ro === true && !(trailer.fmt && tokenIsFor(group.uuid, trailer.fmt.t))
}
