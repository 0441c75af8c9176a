import { whoAmI, type VolumeContext } from './context.js'
import { execute, planWords } from './execute.js'
import { findVolume } from './find.js'
import { openJournal } from './journal.js'
import { withVolumeLock } from './lock.js'
import { defaultMountPoint } from './mount-point.js'
import { observe } from './observe.js'
import { plan, type Desired, type Step } from './plan.js'
import { refusal } from './refusal.js'
import { splitOptions, type Work } from './steps.js'
import type { Volume } from './volume.js'

export interface SessionRequest {
  /** Name or UUID. */
  volume: string
  /** What the user asked for, as the journal and other waiting processes show it. */
  intent: string
  desired: Desired
  mountPoint?: string
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
  const volume = await findVolume(context, request.volume)
  const { group, trailer } = volume
  const who = await whoAmI(context)
  const mountPoint = request.mountPoint ?? defaultMountPoint(volume)
  const body = async (): Promise<SessionResult> => {
    const journal = await openJournal(context, group, request.intent)
    const look = (probe: boolean): Promise<Work['finding']> =>
      observe(context, who, journal, { uuid: group.uuid, mountPoint, probe })
    const work: Work = {
      journal,
      ...who,
      finding: await look(false),
      mountPoint,
      readOnly: request.readOnly ?? trailer?.ro ?? false,
      mountOptions: [...splitOptions(trailer?.mo), ...(request.mountOptions ?? [])],
    }
    await request.check?.(work)
    if (request.dryRun) return dryRun(work, request)
    const lookAgain = async (probe: boolean): Promise<void> => {
      work.finding = await look(probe)
    }
    const done = await execute(context, work, request.desired, lookAgain)
    await request.settle?.(work)
    return { volume: work.finding.volume, work, done }
  }
  return request.dryRun ? body() : withVolumeLock(context, group.uuid, request.intent, body)
}

function dryRun(work: Work, request: SessionRequest): SessionResult {
  const next = plan(request.desired, work.finding.observed)
  if ('refusal' in next) throw refusal(next.refusal, work)
  return { volume: work.finding.volume, work, done: [], planned: planWords(request.desired, work) }
}
