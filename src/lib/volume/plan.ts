import type { JournalStep } from './journal.js'

/** What is wanted of a volume on this machine. */
export type Desired =
  /** `shared`: a read-only volume, mounted read-only beside other readers, see readers.ts. */
  | { state: 'mounted'; takeOver: boolean; shared?: boolean }
  /** `shared`: beside others, without protection against two writers. */
  | { state: 'attached'; takeOver: boolean; shared: boolean }
  | { state: 'unmounted' }
  /** `unmount: false`: a mounted volume is refused. */
  | { state: 'detached'; unmount: boolean }

/** What was found, on the cluster and on this machine. */
export interface Observed {
  /**
   * `opening`: mine until I have let other readers in. `reading`: this machine and perhaps others, all only reading.
   * `readers`: others, all only reading.
   */
  hold: 'free' | 'mine' | 'restarted' | 'opening' | 'reading' | 'readers' | 'shared' | 'other'
  disk: 'absent' | 'present'
  /** The disk is here, but this machine's initiator is not allowed in any more: its I/O waits or fails. */
  cutOff: boolean
  /** `here`: at the wanted mount point. */
  mount: 'none' | 'here' | 'elsewhere'
  /** The one-shot permission to format; `started-here` only with this machine's journal as proof. */
  token: 'none' | 'fresh' | 'started-here' | 'started-elsewhere'
  content: Content
  /** The new filesystem's root still has to get its owner. */
  ownerPending: boolean
}

/**
 * `expected`: a filesystem acs mounts. `half-made`: exactly the filesystem this machine began to make.
 * `unsigned`: bytes that no tool recognises. `foreign`: anything else.
 */
export type Content = 'unknown' | 'blank' | 'expected' | 'half-made' | 'unsigned' | 'foreign'

/** `probe` looks at the device; the plan ends there, as what follows depends on what is seen. */
export type Step = JournalStep | 'probe'

export type Refusal =
  | 'held'
  /** Mounted or attached here while the cluster does not let this machine in. */
  | 'fenced'
  | 'mounted-elsewhere'
  | 'mounted'
  | 'never-formatted'
  | 'not-blank'
  | 'format-interrupted'
  | 'foreign-content'

export type Plan = { steps: Step[] } | { refusal: Refusal }

/** Steps from what is to what is wanted. Pure: the whole table is tested. */
export function plan(desired: Desired, observed: Observed): Plan {
  switch (desired.state) {
    case 'mounted':
    case 'attached':
      return planAttach(desired, observed)
    case 'unmounted':
      return { steps: observed.mount === 'none' ? [] : [...failing(observed), 'unmount'] }
    case 'detached':
      return planDetach(desired, observed)
  }
}

function planAttach(desired: Extract<Desired, { takeOver: boolean }>, observed: Observed): Plan {
  const { hold, disk, mount } = observed
  if (desired.shared) return desired.state === 'attached' ? planShare(observed) : planReading(desired, observed)
  const alone = hold === 'mine' || hold === 'opening'
  const others = hold === 'other' || hold === 'shared' || hold === 'reading' || hold === 'readers'
  // As long as this machine reads too, nothing here is cut off; but nobody writes beside readers.
  if ((hold === 'shared' || hold === 'reading') && !desired.takeOver) return { refusal: 'held' }
  if (others && !desired.takeOver && disk === 'absent' && mount === 'none') return { refusal: 'held' }
  // What is still here is cut off from the disk. Mounting again on top of it would hide that.
  if (!alone && mount !== 'none') return { refusal: 'fenced' }
  if (others && disk === 'present') return { refusal: 'fenced' }
  if (desired.state === 'mounted' && mount === 'elsewhere') return { refusal: 'mounted-elsewhere' }

  const steps: Step[] = []
  const stale = hold === 'free' && disk === 'present'
  // Before this machine is let in again, else writes that waited in the dead session reach the disk then.
  if (stale && observed.cutOff) steps.push('fail-io')
  if (stale) steps.push('detach-disk')
  if (others) steps.push('revoke')
  // One that is being opened for readers is closed again: what follows writes.
  if (hold !== 'mine') steps.push('claim')
  if (disk === 'absent' || stale) steps.push('attach-disk')
  if (desired.state === 'attached') return { steps }

  if (mount === 'here') {
    const close: Step[] = hold === 'opening' ? ['claim'] : []
    return { steps: [...close, ...(observed.ownerPending ? (['set-owner'] as const) : [])] }
  }
  if (steps.length > 0 || observed.content === 'unknown') return { steps: [...steps, 'probe'] }
  return planMount(observed)
}

function planShare({ hold, disk, mount }: Observed): Plan {
  if (hold === 'other' && (mount !== 'none' || disk === 'present')) return { refusal: 'fenced' }
  const allowed = hold === 'mine' || hold === 'shared'
  return {
    steps: [...(allowed ? [] : (['share'] as const)), ...(disk === 'present' ? [] : (['attach-disk'] as const))],
  }
}

/**
 * A read-only volume beside other readers. Whoever finds none has it alone until the kernel has replayed the journal
 * and it is mounted, and then lets others in. Nothing is checked, formatted or given an owner: that writes.
 */
function planReading(desired: { takeOver: boolean }, observed: Observed): Plan {
  const { hold, disk, mount, token, content } = observed
  const blocked = hold === 'other' || hold === 'shared'
  if (blocked && !desired.takeOver && (hold === 'shared' || (disk === 'absent' && mount === 'none')))
    return { refusal: 'held' }
  const member = hold === 'mine' || hold === 'opening' || hold === 'reading'
  if (!member && mount !== 'none') return { refusal: 'fenced' }
  if (blocked && disk === 'present') return { refusal: 'fenced' }
  if (mount === 'elsewhere') return { refusal: 'mounted-elsewhere' }
  // What a crash left there may be the mount that replays, which goes on to write.
  if (mount === 'here' && hold === 'opening') return { steps: ['unmount', 'probe'] }
  // A writer's own mount, for instance the first one, which formatted it, stays what it is until it is unmounted.
  if (mount === 'here') return { steps: [] }

  const steps: Step[] = []
  const stale = disk === 'present' && (hold === 'free' || hold === 'readers')
  if (stale && observed.cutOff) steps.push('fail-io')
  if (stale) steps.push('detach-disk')
  if (blocked) steps.push('revoke')
  if (hold === 'readers') steps.push('join-readers')
  else if (hold !== 'opening' && hold !== 'reading') steps.push('claim-for-readers')
  if (disk === 'absent' || stale) steps.push('attach-disk')
  if (steps.length > 0 || content === 'unknown') return { steps: [...steps, 'probe'] }

  if (token !== 'none') return { refusal: 'never-formatted' }
  if (content !== 'expected') return { refusal: content === 'blank' ? 'never-formatted' : 'foreign-content' }
  return { steps: hold === 'opening' ? ['replay-journal', 'mount', 'admit-readers'] : ['mount'] }
}

function planMount({ token, content, ownerPending }: Observed): Plan {
  const mount: Step[] = ['check-filesystem', 'mount', ...(ownerPending ? (['set-owner'] as const) : [])]
  if (token === 'none') {
    if (content === 'expected') return { steps: mount }
    return { refusal: content === 'blank' ? 'never-formatted' : 'foreign-content' }
  }
  // Whoever started before: an empty device that only this machine may write to is safe to format.
  if (content === 'blank') return { steps: ['start-format', 'make-filesystem', 'finish-format', 'mount', 'set-owner'] }
  if (token === 'fresh') return { refusal: 'not-blank' }
  if (token === 'started-here' && (content === 'half-made' || content === 'unsigned'))
    return { steps: ['zero-device', 'probe'] }
  return { refusal: token === 'started-here' ? 'not-blank' : 'format-interrupted' }
}

function planDetach(desired: { unmount: boolean }, observed: Observed): Plan {
  const { hold, disk, mount } = observed
  if (mount !== 'none' && !desired.unmount) return { refusal: 'mounted' }
  const steps: Step[] = failing(observed)
  if (mount !== 'none') steps.push('unmount')
  if (disk === 'present') steps.push('detach-disk')
  if (hold !== 'free' && hold !== 'other' && hold !== 'readers') steps.push('release')
  return { steps }
}

/** An unmount would wait for ever for a disk that no longer answers. */
function failing({ cutOff }: Observed): Step[] {
  return cutOff ? ['fail-io'] : []
}
