import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { deadlineIn } from '../base/deadline.js'
import { announceStep, warn, type VolumeContext } from './context.js'
import type { JournalStep } from './journal.js'
import { plan, type Desired, type Step } from './plan.js'
import { refusal } from './refusal.js'
import { stepWork, type StepWork, type Work } from './steps.js'

/** Time to take back a failed operation, beyond the deadline that may have passed already. */
const undoMs = 120_000

/**
 * Brings the volume to the desired state: plan, run the steps, look again where the plan said so. Every step
 * is journaled before it runs. When one fails, the steps of this run are taken back in reverse order and
 * the error is thrown; what could not be taken back is in its hints and stays in the journal.
 *
 * @param probe observes again, the device too; told which steps ran so far
 * @returns the steps that ran, in order; none when everything was as wanted.
 */
export async function execute(
  context: VolumeContext,
  work: Work,
  desired: Desired,
  probe: (done: readonly Step[]) => Promise<void>,
): Promise<Step[]> {
  const done: Step[] = []
  const undo: JournalStep[] = []
  try {
    for (;;) {
      const next = plan(desired, work.finding.observed)
      if ('refusal' in next) throw refusal(next.refusal, work)
      for (const step of next.steps) {
        context.deadline.check(step === 'probe' ? 'looking at the disk' : wordsOf(step, work))
        if (step === 'probe') continue
        await runStep(context, work, step, undo)
        done.push(step)
      }
      if (!next.steps.includes('probe')) break
      announceStep(context, 'looking at what is on the disk')
      await probe(done)
    }
  } catch (error) {
    throw await takeBack(context, work, undo, error)
  }
  await work.journal.end()
  tellReplay(context, work, 'finished')
  return done
}

async function runStep(context: VolumeContext, work: Work, step: JournalStep, undo: JournalStep[]): Promise<void> {
  const { run, words, undoWhenFailed, settles } = partOf(step)
  announceStep(context, words(work))
  for (const settled of settles ?? []) {
    const at = undo.indexOf(settled)
    if (at >= 0) undo.splice(at, 1)
  }
  if (undoWhenFailed) undo.push(step)
  await work.journal.run(step, () => run(context, work))
  if (!undoWhenFailed) undo.push(step)
}

async function takeBack(
  context: VolumeContext,
  work: Work,
  steps: readonly JournalStep[],
  cause: unknown,
): Promise<unknown> {
  // Ctrl-C ends the work, not the cleaning up after it.
  const late = { ...context, deadline: deadlineIn(undoMs), checkpoint: undefined }
  for (const step of [...steps].reverse()) {
    const { undo, words } = partOf(step)
    if (!undo) continue
    try {
      announceStep(context, `taking back: ${words(work)}`)
      await undo(late, work)
    } catch (error) {
      warn(context, `could not take back "${words(work)}": ${messageOf(error)}`)
      tellReplay(context, work, 'failed')
      return withUndone(cause, words(work), error)
    }
  }
  await work.journal.end()
  tellReplay(context, work, 'undone')
  return cause
}

function tellReplay(context: VolumeContext, { journal }: Work, result: 'finished' | 'undone' | 'failed'): void {
  if (journal.interrupted) context.replayed?.(result)
}

/** The error with what stayed behind. The journal stays too, so that the same command goes on from there. */
function withUndone(cause: unknown, step: string, error: unknown): unknown {
  if (!isAcsError(cause)) return cause
  return new AcsError(cause.kind, cause.code, cause.message, {
    cause,
    hints: [...cause.hints, `Could not take back "${step}" (${messageOf(error)}): run the same command again to go on`],
    details: { ...cause.details, notUndone: step },
  })
}

/** The steps a plan would run, in words. */
export function planWords(desired: Desired, work: Work): string[] {
  const next = plan(desired, work.finding.observed)
  if ('refusal' in next) return []
  return next.steps.map((step) => wordsOf(step, work))
}

function wordsOf(step: Step, work: Work): string {
  if (step !== 'probe') return partOf(step).words(work)
  const { fmt, fs } = work.finding.volume.trailer ?? {}
  if (!fmt) return `look at the disk, check its filesystem and mount it at ${work.mountPoint}`
  return `look at the disk; when several tools find it empty, make an ${fs ?? 'ext4'} filesystem; mount it at ${work.mountPoint}`
}

function partOf(step: JournalStep): StepWork {
  const part = stepWork[step]
  if (!part) throw new AcsError('bug', 'EACSBUG', `no work for step ${step}`)
  return part
}
