import type { Deadline } from '../base/deadline.js'
import { within } from './within.js'

/** What became of a call: its client has the answer; or was gone when it came; or the call failed. */
export type Fate = 'kept' | 'lost' | 'failed'

/**
 * Takes back what a call did for a client who was gone before the answer. A client may come again with the same
 * request meanwhile (dockerd uses a mount ID again after a crash): of calls under one key that overlap, one that
 * was answered keeps what all did, and a new one waits until the old one is taken back.
 */
export interface Undos {
  /** Throws the deadline's errors while an undo under the key is still at work. The function returned must be called. */
  begin(key: string, deadline: Deadline): Promise<(fate: Fate, undo: () => Promise<void>) => Promise<void>>
}

interface State {
  active: number
  kept: boolean
  lost: boolean
  undoing?: Promise<void>
}

export function createUndos(): Undos {
  const states = new Map<string, State>()
  return {
    async begin(key, deadline) {
      for (let before = states.get(key)?.undoing; before; before = states.get(key)?.undoing)
        await within(deadline, 'waiting until an earlier, abandoned call is undone', before)
      const state = states.get(key) ?? { active: 0, kept: false, lost: false }
      states.set(key, state)
      state.active += 1
      return async (fate, undo) => {
        state.active -= 1
        if (fate !== 'failed') state[fate] = true
        if (state.active > 0) return
        if (state.lost && !state.kept) await (state.undoing = undo())
        states.delete(key)
      }
    },
  }
}
