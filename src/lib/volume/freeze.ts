import { deadlineIn } from '../base/deadline.js'
import { messageOf } from '../base/errors.js'
import { warn, type VolumeContext } from './context.js'
import { startFreezeGuard } from './freeze-guard.js'

/** Longest freeze: writers of the filesystem wait meanwhile. */
const longestFreezeMs = 30_000
const thawMs = 20_000

/**
 * Runs `work` while the filesystem at `mountPoint` is frozen, and thaws it whatever happens: also when `work`
 * fails or takes too long, on Ctrl-C, and, by a guard process started before, when acs dies.
 */
export async function whileFrozen<T>(
  context: VolumeContext,
  mountPoint: string,
  work: (deadline: VolumeContext['deadline']) => Promise<T>,
): Promise<T> {
  const { host } = context
  const guard = await (context.freezeGuard ?? startFreezeGuard)(mountPoint, longestFreezeMs + thawMs)
  let frozen = false
  try {
    await host.freeze(mountPoint, context.deadline)
    frozen = true
    return await work(context.deadline.atMost(longestFreezeMs))
  } finally {
    try {
      await host.thaw(mountPoint, deadlineIn(thawMs))
      await guard.dismiss()
    } catch (error) {
      // Undismissed, the guard thaws when this process ends at the latest. A freeze that failed needs no thaw.
      if (frozen) warn(context, `thawing ${mountPoint} failed, its guard will try again: ${messageOf(error)}`)
    }
  }
}
