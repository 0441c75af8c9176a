/** How long things may take, and how much there may be. */
export interface Budgets {
  /** For Create and Mount, which dockerd gives 120 s: enough is left to undo and to answer. */
  longCallMs: number
  /** For the other calls, which dockerd gives 60 s. */
  shortCallMs: number
  /** How long after its deadline a call is waited for, before it is answered without it. */
  graceMs: number
  /** For a client to send the head of a request, and all of it. */
  headersMs: number
  requestMs: number
  /** For a client to read an answer; longer than the calls that may stand before it on its connection. */
  answerMs: number
  bodyBytes: number
  connections: number
  /** How long calls may go on when the plugin is to stop, and how long what is then cancelled may take to undo. */
  drainMs: number
  cancelMs: number
  /** All of it, with the detaching of what only lingers: whoever runs the plugin kills it then. */
  stopMs: number
}

export const defaultBudgets: Budgets = {
  longCallMs: 110_000,
  shortCallMs: 55_000,
  graceMs: 4_000,
  headersMs: 10_000,
  requestMs: 15_000,
  answerMs: 120_000,
  bodyBytes: 1024 ** 2,
  connections: 512,
  drainMs: 115_000,
  cancelMs: 10_000,
  // TimeoutStopSec=150 (plugin/install/units.ts).
  stopMs: 145_000,
}

/** For a managed plugin: dockerd sends SIGKILL 10 s after SIGTERM (docker-protocols.md B.1). */
export const managedBudgets = { drainMs: 6_000, cancelMs: 1_500, stopMs: 9_000 } as const satisfies Partial<Budgets>
