import { formatDuration } from '../../base/durations.js'
import type { PluginStatus } from './schema.js'

export interface Health {
  /** It serves volumes; what is wrong with it is in `problems`. */
  ready: boolean
  /** Each one sentence, most serious first. */
  problems: string[]
}

/** The list is refreshed every 30 s. */
const oldListMs = 5 * 60_000
/** Docker gives no call more. */
const longCallMs = 120_000

/** What a plugin's status means for whoever depends on it. */
export function healthOf(status: PluginStatus, now = new Date()): Health {
  const { state, driver } = status
  if (state !== 'ready' || !driver) return { ready: false, problems: [notReady(status)] }
  const ageOf = (time: string | null): number => (time === null ? Infinity : now.getTime() - Date.parse(time))
  const problems: string[] = []
  for (const { name, callers } of driver.volumes.filter((volume) => volume.state === 'lost'))
    problems.push(
      `${name} was lost, and ${callers.length} mount${callers.length === 1 ? '' : 's'} of containers still have it: docker ps --filter volume=${name}, and restart them`,
    )
  const { prism, cache } = driver
  const reason = prism.lastError ? `: ${prism.lastError.message} (${prism.lastError.code})` : ''
  if (prism.state === 'unreachable')
    problems.push(
      `the cluster does not answer${reason}; volumes that are attached go on, others cannot be mounted here`,
    )
  else if (prism.state === 'refused') problems.push(`the cluster refuses the plugin${reason}`)
  else if (prism.state === 'not-configured') problems.push(`the cluster cannot be asked${reason}`)
  const listAge = ageOf(cache.refreshedAt)
  if (listAge > oldListMs && prism.state === 'reachable')
    problems.push(
      `the list of volumes is ${Number.isFinite(listAge) ? `${formatDuration(listAge)} old` : 'not there yet'}${cache.lastError ? `: ${cache.lastError.message}` : ''}`,
    )
  if (driver.initiatorError)
    problems.push(
      `no volume can be attached: ${driver.initiatorError.message} (${driver.initiatorError.code}); acs doctor`,
    )
  for (const { call, volume, since } of status.calls.filter((each) => ageOf(each.since) > longCallMs))
    problems.push(
      `${call} ${volume ?? ''} has been at work for ${formatDuration(ageOf(since))}, longer than Docker waits`,
    )
  return { ready: true, problems }
}

function notReady({ state }: PluginStatus): string {
  if (state === 'stopping') return 'it is stopping: calls at work are finished, no more are taken'
  return 'it is starting: it reads its configuration and what was left here; calls wait for it'
}
