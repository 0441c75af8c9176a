import { readdirSync } from 'node:fs'
import { createMetrics, type GaugeValue } from './metrics.js'

/**
 * How a call ended: `dropped` ended the connection, as dockerd must not hear of it; `gone`: the client was not there
 * any more.
 */
export type CallOutcome = 'ok' | 'not-found' | 'error' | 'timeout' | 'bug' | 'dropped' | 'gone'

/** What a driver can tell of itself when it is asked, cheaply and without the cluster. */
export interface DriverGauges {
  /** Volumes the plugin knows. */
  volumes(): GaugeValue
  /** Mounts that callers hold. */
  references(): GaugeValue
  /** iSCSI sessions of this machine that belong to volumes. */
  sessions(): GaugeValue | Promise<GaugeValue>
  /** Seconds since the list of volumes was last read from the cluster. */
  cacheAge(): GaugeValue
}

/** What the plugin measures. No label holds a volume's name: there may be thousands. */
export interface PluginMetrics {
  callEnded(call: string, outcome: CallOutcome, seconds: number): void
  stepEnded(call: string, step: string, result: 'ok' | 'error', seconds: number): void
  /** Something was tried again; `what` is one of a few words. */
  retried(what: string): void
  /** An interrupted operation was taken up from the journal at start. */
  journalReplayed(result: 'finished' | 'undone' | 'failed'): void
  /** Gauges of whoever can tell; given again, they replace the former. */
  watchDriver(gauges: Partial<DriverGauges>): void
  watchServer(load: () => { calls: number; connections: number }): void
  /** The text that Prometheus scrapes. */
  text(): Promise<string>
  /** The counters as of now, for whoever reads no Prometheus. */
  counts(): PluginCounts
}

/** Since the plugin started. */
export interface PluginCounts {
  /** Calls that ended. */
  calls: number
  /** Of these; that there is no such volume is no failure. */
  failed: number
  byOutcome: Readonly<Partial<Record<CallOutcome, number>>>
  retries: number
  journalReplays: number
}

/** From a look into memory to Docker's patience, in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

export function createPluginMetrics(): PluginMetrics {
  const registry = createMetrics()
  const calls = registry.histogram('acs_plugin_call_duration_seconds', "Docker's calls, by how they ended.", bounds)
  const steps = registry.histogram('acs_plugin_step_duration_seconds', 'Steps of calls.', bounds)
  const retries = registry.counter('acs_plugin_retries_total', 'Attempts after a first one that failed.')
  const replays = registry.counter('acs_plugin_journal_replays_total', 'Interrupted operations taken up at start.')
  registry.gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  registry.gauge('process_open_fds', 'Open file descriptors.', openFiles)
  registry.gauge('process_start_time_seconds', 'Start, in seconds since 1970.', () => startedAt)

  const counted = { calls: 0, failed: 0, retries: 0, journalReplays: 0 }
  const byOutcome: Partial<Record<CallOutcome, number>> = {}

  return {
    callEnded(call, outcome, seconds) {
      calls({ call, outcome }, seconds)
      counted.calls += 1
      if (isFailure(outcome)) counted.failed += 1
      byOutcome[outcome] = (byOutcome[outcome] ?? 0) + 1
    },
    stepEnded: (call, step, result, seconds) => steps({ call, step, result }, seconds),
    retried(what) {
      retries({ what })
      counted.retries += 1
    },
    journalReplayed(result) {
      replays({ result })
      counted.journalReplays += 1
    },
    watchDriver({ volumes, references, sessions, cacheAge }) {
      if (volumes) registry.gauge('acs_plugin_volumes', 'Volumes the plugin knows.', volumes)
      if (references) registry.gauge('acs_plugin_references', 'Mounts that callers hold.', references)
      if (sessions) registry.gauge('acs_plugin_sessions', 'iSCSI sessions that belong to volumes.', sessions)
      if (cacheAge) registry.gauge('acs_plugin_cache_age_seconds', 'Age of what is known of the cluster.', cacheAge)
    },
    watchServer(load) {
      registry.gauge('acs_plugin_calls_in_progress', 'Calls at work.', () => load().calls)
      registry.gauge('acs_plugin_connections', "Open connections to the plugin's socket.", () => load().connections)
    },
    text: () => registry.text(),
    counts: () => ({ ...counted, byOutcome: { ...byOutcome } }),
  }
}

/** A client that hangs up has had enough of waiting, or was stopped. */
export function isFailure(outcome: CallOutcome): boolean {
  return outcome !== 'ok' && outcome !== 'not-found' && outcome !== 'gone'
}

const startedAt = Date.now() / 1000 - process.uptime()

/** One of those listed is the folder itself, opened to list it. */
function openFiles(): number {
  return readdirSync('/proc/self/fd').length - 1
}
