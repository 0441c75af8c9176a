import { deadlineIn } from '../base/deadline.js'
import { isAcsError, messageOf } from '../base/errors.js'
import { advertise } from '../volume/advertise.js'
import type { VolumeContext } from '../volume/context.js'
import { describeHold, holdOf } from '../volume/holder.js'
import { rememberedHolds } from '../volume/attach-record.js'
import { asVolume } from '../volume/volume.js'
import type { PluginLog } from './driver.js'
import type { HostVolumes } from './host-volumes.js'
import type { KnownVolumes } from './known-volumes.js'

/** Above this many volumes in use, one list is cheaper for the cluster than a question for each. */
const fewVolumes = 16

export interface WatchOptions {
  volumes: HostVolumes
  known: KnownVolumes
  context: (work: { deadline: ReturnType<typeof deadlineIn>; log: PluginLog }) => VolumeContext
  log: PluginLog
}

/**
 * Looks whether the cluster still gives this host the volumes that are in use here. One that it gives to someone
 * else is lost: its I/O is failed at once, as it would wait for ever, and what was never written would reach the
 * disk when this host is let in again. An answer that does not come is no reason to do anything.
 */
export async function checkHeldVolumes(options: WatchOptions): Promise<void> {
  const { volumes, known, log } = options
  const held = volumes.all().filter((references) => !references.byHand)
  const stays = new Map(held.map(({ uuid }) => [uuid, volumes.stay(uuid)]))
  // Not while it is being mounted or detached, nor by an answer that is older than its mount.
  const isAsBefore = (uuid: string): boolean => {
    const stay = stays.get(uuid)
    return stay !== undefined && stay === volumes.stay(uuid)
  }
  if (held.length === 0) return
  const deadline = deadlineIn(10_000)
  const context = options.context({ deadline, log })
  const { hostName, bootId } = await context.host.identity()
  const initiator = await context.host.initiator(context.initiator ?? 'auto', deadline)
  const me = { hostName, bootId, initiatorName: await initiator.name() }
  for (const target of (await initiator.broken?.(deadline)) ?? []) {
    const references = held.find((each) => each.target === target)
    if (references && !volumes.isLost(references.uuid) && isAsBefore(references.uuid))
      await lose(options, references.uuid, 'what connected its disk has ended')
  }
  const all = held.length > fewVolumes ? await context.prism.volumeGroups({ deadline }) : undefined
  await Promise.all(
    held.map(async ({ uuid, name }) => {
      try {
        const group = all ? all.find((each) => each.uuid === uuid) : await context.prism.volumeGroup(uuid, { deadline })
        if (!group) return
        known.learn(group)
        const volume = asVolume(group)
        const hold = holdOf(volume, me, await rememberedHolds(context.stateFolder, uuid))
        // Claimed before the plugin knew its address; other hosts could never ask for it, nor take it over.
        if (hold.kind === 'mine' && context.pluginAddress !== undefined && hold.holder.a !== context.pluginAddress)
          await advertise(context, uuid, me)
        if (['mine', 'reading', 'shared', 'restarted'].includes(hold.kind)) return
        if (!volumes.isLost(uuid) && !isAsBefore(uuid)) return
        await lose(options, uuid, `the cluster gives it to ${describeHold(hold)}`)
      } catch (error) {
        log.debug({ volume: name, error: messageOf(error) }, 'could not look after the volume')
      }
    }),
  )
}

/** Tried again at the next look, for as long as a container has it mounted. */
async function lose({ volumes, log }: WatchOptions, uuid: string, why: string): Promise<void> {
  try {
    await volumes.loseVolume(uuid, why, deadlineIn(10_000))
  } catch (error) {
    if (!isAcsError(error)) throw error
    log.warn({ uuid, code: error.code, error: error.message }, 'cannot clear away a lost volume yet')
  }
}

/** Runs work again and again, `everyMs` after its end; errors are told, and do not end it. */
export function repeat(everyMs: number, work: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let stopped = false
  let timer: NodeJS.Timeout
  const next = (): void => {
    timer = setTimeout(() => {
      void work()
        .catch(failed)
        .finally(() => {
          if (!stopped) next()
        })
    }, everyMs).unref()
  }
  next()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
