import { resolve } from 'node:path'
import { AcsError } from '../base/errors.js'
import type { HostMachine } from '../host/host.js'
import type { Prism } from '../prism/prism.js'
import { checkpointFromEnvironment } from '../volume/checkpoint.js'
import type { VolumeContext } from '../volume/context.js'
import { createPlugin } from './plugin.js'
import type { ServedDriver, Surroundings } from './serve.js'
import { defaultConfigFile, readPluginSettings } from './settings.js'

export interface ServedDriverOptions {
  /** The driver's name in Docker, where Docker finds it by a socket of that name. */
  driverName?: string
  /** Default /etc/acs/plugin.yaml. */
  configFile: string | undefined
  stateFolder: string
  host: HostMachine
  initiator: VolumeContext['initiator']
  /** Where Prism is, by flags, environment and contexts; may fail, and be right later. */
  connection: () => Promise<{
    host: string
    port: number
    dataServices: string | undefined
    storageContainer: string | undefined
  }>
  openPrism: () => Promise<Prism>
}

/** The plugin with its settings and its metrics, as `serve` runs it. Throws what keeps it from ever working: bad settings, no root. */
export async function createServedDriver(
  { log, metrics }: Surroundings,
  options: ServedDriverOptions,
): Promise<ServedDriver> {
  if (process.getuid?.() !== 0)
    throw new AcsError('precondition', 'EACSNOTROOT', 'the volume plugin attaches and mounts, which takes root', {
      hints: ['sudo acs plugin serve', 'As a service: sudo acs plugin install'],
    })
  const configFile = resolve(options.configFile ?? defaultConfigFile)
  const settings = await readPluginSettings(configFile)
  log.setLevel(settings.logLevel)
  const { dataServices } = await options.connection().catch(() => ({ dataServices: undefined }))
  const plugin = await createPlugin({
    settings,
    ...(options.driverName === undefined ? {} : { driverName: options.driverName }),
    configFile,
    stateFolder: options.stateFolder,
    host: options.host,
    log,
    metrics,
    openPrism: options.openPrism,
    towards: options.connection,
    placement: options.connection,
    checkpoint: checkpointFromEnvironment(),
    ...(options.initiator === undefined ? {} : { initiator: options.initiator }),
    ...(dataServices === undefined ? {} : { dataServices }),
  })
  metrics.watchDriver(plugin.gauges)
  const endMetrics = settings.metrics === undefined ? undefined : await serveMetrics(settings.metrics, metrics)
  return {
    ...plugin.driver,
    status: () => plugin.status(),
    async close(deadline) {
      await plugin.close(deadline)
      await endMetrics?.()
    },
    async reload() {
      const fresh = await readPluginSettings(configFile)
      log.setLevel(fresh.logLevel)
      plugin.configure(fresh)
    },
  }
}

async function serveMetrics(where: string, metrics: Surroundings['metrics']): Promise<() => Promise<void>> {
  const { metricsPage, startLocalServer } = await import('./local-server.js')
  const page = metricsPage(metrics)
  const server = await startLocalServer(where, { '/metrics': page, '/': page })
  return () => server.close()
}
