import type { PluginMetrics } from '../plugin-metrics.js'
import type { PluginServer } from '../server.js'
import type { DriverStatus, PluginStatus } from './schema.js'

/** What a running plugin knows of itself, put together when it is asked for. */
export interface StatusBoard {
  /** The driver is there, and tells of itself. */
  ready(tell: () => Promise<DriverStatus>): void
  stopping(): void
  read(): Promise<PluginStatus>
}

export interface StatusBoardOptions {
  /** The driver's name. */
  name: string
  /** Of acs. */
  version: string
  server: Pick<PluginServer, 'where' | 'work' | 'lastFailure' | 'load'>
  metrics: Pick<PluginMetrics, 'counts'>
}

export function createStatusBoard({ name, version, server, metrics }: StatusBoardOptions): StatusBoard {
  const since = new Date(Date.now() - process.uptime() * 1000).toISOString()
  let state: PluginStatus['state'] = 'starting'
  let tell: (() => Promise<DriverStatus>) | undefined
  return {
    ready(told) {
      tell = told
      if (state === 'starting') state = 'ready'
    },
    stopping() {
      state = 'stopping'
    },
    async read() {
      const driver = (await tell?.()) ?? null
      return {
        v: 1,
        name,
        version,
        pid: process.pid,
        since,
        runs: startedBy(process.env),
        socket: server.where,
        state,
        connections: server.load().connections,
        calls: server.work(),
        counts: metrics.counts(),
        lastFailure: server.lastFailure() ?? null,
        driver,
      }
    },
  }
}

/** systemd gives every service an INVOCATION_ID (systemd.exec(5)); a shell within one inherits it, with another SYSTEMD_EXEC_PID. */
function startedBy(env: Readonly<Record<string, string | undefined>>): PluginStatus['runs'] {
  if (env.ACS_PLUGIN_FOLDER) return 'managed-plugin'
  return env.SYSTEMD_EXEC_PID === String(process.pid) ? 'service' : 'process'
}
