import { AcsError, isAcsError } from '../base/errors.js'

/** Prism takes few calls at once, and a cluster starts few machines at once. */
const atMostAtOnce = 10

/** How the work for one of several ended. */
export type Outcome<T, R> = { item: T; result: R } | { item: T; error: AcsError }

/**
 * Works for all of them, at most ten at a time, whether or not others fail, and tells how each ended, in the order given. An
 * interruption and a defect begin nothing new and are thrown once what runs has ended.
 * `onEnd` is told of each as it ends, with how many have.
 */
export async function workForAll<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  options: { atOnce?: number; onEnd?: (outcome: Outcome<T, R>, ended: number) => void } = {},
): Promise<Outcome<T, R>[]> {
  const outcomes = new Array<Outcome<T, R>>(items.length)
  const waiting = [...items.entries()].reverse()
  let ended = 0
  let stopped: { error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (let next = waiting.pop(); next && !stopped; next = waiting.pop()) {
      const [position, item] = next
      try {
        outcomes[position] = await outcomeOf(item, work)
        ended += 1
        options.onEnd?.(outcomes[position], ended)
      } catch (error) {
        stopped ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.atOnce ?? atMostAtOnce, items.length) }, worker))
  if (stopped) throw stopped.error
  return outcomes
}

async function outcomeOf<T, R>(item: T, work: (item: T) => Promise<R>): Promise<Outcome<T, R>> {
  try {
    return { item, result: await work(item) }
  } catch (error) {
    if (!isAcsError(error) || error.kind === 'interrupted' || error.kind === 'bug') throw error
    return { item, error }
  }
}

/**
 * The results, in order, where all went well. Throws the error itself where there was one thing to do, else EACSPARTIAL
 * (partial where some went well), which tells of each that failed. `doing` completes "could not ...": `be started`.
 */
export function allResults<T extends { name: string }, R>(outcomes: readonly Outcome<T, R>[], doing: string): R[] {
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : []))
  const [first] = failed
  if (!first) return outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome.result]))
  if (outcomes.length === 1) throw first.error
  const done = outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome.item.name]))
  const shown = failed.slice(0, 5).map(({ item, error }) => `${item.name}: ${error.message}`)
  const more = failed.length > shown.length ? [`and ${failed.length - shown.length} more`] : []
  throw new AcsError(
    done.length > 0 ? 'partial' : 'failed',
    'EACSPARTIAL',
    `${failed.length} of ${outcomes.length} VMs could not ${doing}: ${[...shown, ...more].join('; ')}`,
    {
      cause: first.error,
      hints: [...new Set(failed.flatMap(({ error }) => error.hints))].slice(0, 5),
      details: {
        done,
        failed: failed.map(({ item, error }) => ({ name: item.name, code: error.code, message: error.message })),
      },
    },
  )
}
