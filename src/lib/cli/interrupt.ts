import { exitCodeOf } from './exit-codes.js'

/** Why a signal was aborted: the reason carried by `interruption.signal`. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  constructor(readonly signalName: NodeJS.Signals) {
    super(signalName === 'SIGINT' ? 'interrupted by Ctrl-C' : `ended by ${signalName}`)
  }
}

interface InterruptionState {
  controller: AbortController
  /** Someone carries the signal into its work and will end it in order. */
  observed: boolean
  signalName?: NodeJS.Signals
}

const state: InterruptionState = { controller: new AbortController(), observed: false }

/** The signal of Ctrl-C and SIGTERM; who takes it promises to stop, clean up and reject. */
export function interruptSignal(): AbortSignal {
  state.observed = true
  return state.controller.signal
}

/** The signal that came, if one did. */
export function interruptedBy(): NodeJS.Signals | undefined {
  return state.signalName
}

/**
 * Handles SIGINT and SIGTERM for the whole process. The first cancels the work, so that it can undo what is half done;
 * the second leaves at once. When nobody observes the cancellation, the first leaves at once too.
 */
export function handleSignals(leaving: (signalName: NodeJS.Signals) => void): void {
  for (const signalName of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signalName, () => {
      const second = state.signalName !== undefined
      state.signalName ??= signalName
      if (second) process.exit(exitCodeOf('interrupted', signalName))
      if (!state.observed) {
        leaving(signalName)
        process.exit(exitCodeOf('interrupted', signalName))
      }
      if (process.stderr.isTTY) process.stderr.write('\nInterrupted; cleaning up. Once more leaves at once.\n')
      state.controller.abort(new Interruption(signalName))
    })
  }
}
