import { AcsError, isAcsError } from '../base/errors.js'
import { formatDuration } from '../base/durations.js'
import type { PowerState, Vm } from '../prism/prism.js'
import type { VmContext } from './context.js'

/** For progress: what is waited for, and for how long by now. */
export interface Waiting {
  vm: Vm
  elapsedMs: number
  /** `web is on and has no address yet (12s)` */
  detail: string
}

export interface WaitOptions {
  timeoutMs?: number
  /** Between two looks; default 2 s. */
  everyMs?: number
  onWait?: (waiting: Waiting) => void
}

/** Of a machine just made, which may be unknown for a moment. */
const unknownMs = 10_000

/**
 * Looks at a machine until it is as wanted, or time is up: then `inTime` is false, and `vm` as it was last seen. Survives a
 * Prism that is away for a while, which `trouble` tells of. Throws EACSNOTFOUND, EACSINTERRUPTED and the errors of calls.
 */
export async function pollVm(
  context: VmContext,
  vm: Vm,
  options: WaitOptions & { timeoutMs: number; isDone: (now: Vm) => boolean; say: (now: Vm) => string },
): Promise<{ vm: Vm; inTime: boolean; elapsedMs: number; trouble?: AcsError }> {
  const started = performance.now()
  const deadline = context.deadline.atMost(options.timeoutMs)
  const elapsed = (): number => performance.now() - started
  let now = vm
  let trouble: AcsError | undefined
  for (;;) {
    try {
      now = await context.prism.vm(vm.uuid, { deadline, tolerateNotFoundMs: unknownMs })
      trouble = undefined
      if (options.isDone(now)) return { vm: now, inTime: true, elapsedMs: elapsed() }
    } catch (error) {
      if (isAcsError(error, 'EACSTIMEOUT')) return { vm: now, inTime: false, elapsedMs: elapsed(), trouble }
      if (!isAcsError(error, 'EACSUNREACHABLE')) throw error
      trouble = error
    }
    const elapsedMs = elapsed()
    const what = trouble ? 'Prism does not answer' : options.say(now)
    options.onWait?.({ vm: now, elapsedMs, detail: `${what} (${formatDuration(elapsedMs)})` })
    try {
      await deadline.sleep(options.everyMs ?? 2_000, `waiting for VM "${vm.name}"`)
    } catch (error) {
      if (!isAcsError(error, 'EACSTIMEOUT')) throw error
      return { vm: now, inTime: false, elapsedMs: elapsed(), trouble }
    }
  }
}

/** After "it is". */
export function stateInWords(state: PowerState): string {
  if (state === 'changing') return 'between two power states'
  return state === 'unknown' ? 'in a state that Prism does not know' : state
}
