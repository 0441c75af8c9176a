import { setMaxListeners } from 'node:events'
// By name: a test that replaces the global clock leaves this one alone, and only `sleep` follows it.
import { clearTimeout as stopTimer, setTimeout as startTimer } from 'node:timers'
import { AcsError } from './errors.js'

/**
 * A point in time that a whole operation must not pass, carried down into every step, with the signal
 * that cancels it. Docker gives Mount two minutes; a step that starts at minute 1:59 has one second.
 */
export interface Deadline {
  /** Milliseconds left, never negative; `Infinity` when there is no limit. */
  remainingMs(): number
  /** Throws EACSTIMEOUT when time is up and EACSINTERRUPTED when cancelled. `doing` names the step. */
  check(doing: string): void
  /** Aborts when time is up or when the caller cancels. */
  readonly signal: AbortSignal
  /** The same deadline, but at most `ms` from now. */
  atMost(ms: number): Deadline
  /** Waits; rejects early with the errors of `check` when the deadline passes meanwhile. */
  sleep(ms: number, doing: string): Promise<void>
}

/** @param timeoutMs milliseconds from now; `Infinity` for none. @param cancel e.g. Ctrl-C. */
export function deadlineIn(timeoutMs: number, cancel?: AbortSignal): Deadline {
  return new ClockDeadline(performance.now() + timeoutMs, cancel)
}

/** Longest time Node's timers know. */
export const longestTimerMs = 0x7fff_ffff

class ClockDeadline implements Deadline {
  private made?: AbortSignal

  constructor(
    private readonly endsAt: number,
    private readonly cancel?: AbortSignal,
  ) {}

  get signal(): AbortSignal {
    this.made ??= this.makeSignal()
    return this.made
  }

  /**
   * By a timer of its own, which keeps the signal in memory until it has rung. Not by AbortSignal.any and .timeout: what they
   * make together is garbage to Node 20 although someone listens, and never aborts.
   */
  private makeSignal(): AbortSignal {
    const { cancel } = this
    const controller = new AbortController()
    // A deadline is carried into many steps at once; that is no leak, and Node need not warn of one.
    setMaxListeners(0, controller.signal, ...(cancel ? [cancel] : []))
    const ring = (): void => {
      if (this.remainingMs() > 0) wind()
      else end(new DOMException('The deadline has passed', 'TimeoutError'))
    }
    let timer: NodeJS.Timeout | undefined
    const wind = (): void => {
      // Keeps no process alive.
      if (Number.isFinite(this.endsAt))
        timer = startTimer(ring, Math.min(Math.ceil(this.remainingMs()), longestTimerMs)).unref()
    }
    const cancelled = (): void => end(cancel?.reason)
    const end = (reason: unknown): void => {
      stopTimer(timer)
      cancel?.removeEventListener('abort', cancelled)
      controller.abort(reason)
    }
    if (cancel?.aborted) cancelled()
    else {
      cancel?.addEventListener('abort', cancelled, { once: true })
      wind()
    }
    return controller.signal
  }

  remainingMs(): number {
    return Math.max(0, this.endsAt - performance.now())
  }

  check(doing: string): void {
    if (this.cancel?.aborted)
      throw new AcsError('interrupted', 'EACSINTERRUPTED', `interrupted while ${doing}`, { cause: this.cancel.reason })
    if (this.remainingMs() === 0)
      throw new AcsError('timeout', 'EACSTIMEOUT', `timed out while ${doing}`, {
        hints: ['Give it more time with --timeout'],
      })
  }

  atMost(ms: number): Deadline {
    return new ClockDeadline(Math.min(this.endsAt, performance.now() + ms), this.cancel)
  }

  async sleep(ms: number, doing: string): Promise<void> {
    this.check(doing)
    const outlasts = ms >= this.remainingMs()
    await wake(Math.min(ms, Math.ceil(this.remainingMs())), this.signal)
    // Node's timers may ring a little early: a sleep that the deadline ends must not return as if it had not.
    while (outlasts && this.remainingMs() > 0 && !this.cancel?.aborted) await wake(1, this.signal)
    this.check(doing)
  }
}

/** Resolves after that time, or when the signal aborts meanwhile. */
export function wake(afterMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, afterMs)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (!signal.aborted) signal.addEventListener('abort', done, { once: true })
  })
}

/** No limit and no cancellation. */
export const noDeadline: Deadline = deadlineIn(Infinity)
