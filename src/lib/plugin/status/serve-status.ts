import { ensureFolder } from '../../base/durable-file.js'
import { messageOf } from '../../base/errors.js'
import type { PluginLog } from '../driver.js'
import { metricsPage, startLocalServer } from '../local-server.js'
import type { PluginMetrics } from '../plugin-metrics.js'
import { createStatusBoard, type StatusBoard, type StatusBoardOptions } from './board.js'
import { statusSocketPath } from './place.js'

export interface ServedStatus extends StatusBoard {
  close(): Promise<void>
}

export interface ServeStatusOptions extends StatusBoardOptions {
  /** Of acs: /run/acs. */
  runtimeFolder: string
  metrics: Pick<PluginMetrics, 'counts' | 'text'>
  log: PluginLog
}

/** Lets root on this machine read what the plugin is doing. A socket that cannot be had is logged: volumes matter more. */
export async function serveStatus(options: ServeStatusOptions): Promise<ServedStatus> {
  const { runtimeFolder, name, metrics, log } = options
  const board = createStatusBoard(options)
  const path = statusSocketPath(runtimeFolder, name)
  try {
    await ensureFolder(runtimeFolder)
    const server = await startLocalServer(`unix:${path}`, {
      '/status': { type: 'application/json', read: async () => `${JSON.stringify(await board.read())}\n` },
      '/metrics': metricsPage(metrics),
    })
    return { ...board, close: () => server.close() }
  } catch (error) {
    log.warn({ path, error: messageOf(error) }, 'acs plugin status will not find this plugin')
    return { ...board, close: () => Promise.resolve() }
  }
}
