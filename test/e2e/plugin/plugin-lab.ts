import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Running } from '../../integration/cli/acs.js'
import { startMountedLab, type MountedLab } from '../volume/mounted-lab.js'
import { until } from './until.js'
import { pluginClient } from './plugin-client.js'
import { keepLocalPages, talkativeConfig, talkativeEnvironment } from './talkative.js'

/** A simulated cluster and `acs plugin serve` in a process of its own, called as dockerd does, without a dockerd. */
export interface PluginLab {
  cluster: MountedLab
  client: ReturnType<typeof pluginClient>
  plugin: () => Running
  /** Where the plugin mounts a volume of that name. */
  mountPoint: (volume: string) => string
  /** What the plugin has said so far. */
  logs: () => string
  /** More than once is fine. */
  close: () => Promise<void>
}

/**
 * @param config lines of the plugin's configuration file
 * @param env what its process has besides
 */
export async function startPluginLab(
  config: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PluginLab> {
  const cluster = await startMountedLab()
  const folder = join(cluster.folder, 'plugin')
  const socket = join(folder, 'p.sock')
  const mountFolder = join(cluster.folder, 'mnt')
  const configFile = join(folder, 'plugin.yaml')
  await mkdir(folder)
  await writeFile(
    configFile,
    [
      `mountFolder: ${mountFolder}`,
      `docker: ${folder}/no-docker.sock`,
      `peer: { listen: '127.0.0.1:0' }`,
      talkativeConfig(folder),
      ...config,
      '',
    ].join('\n'),
  )
  const plugin = cluster.start(`plugin serve --socket ${socket} --config ${configFile}`, {
    ...talkativeEnvironment,
    ...env,
  })
  await until('the plugin listens', 20_000, () => Promise.resolve(existsSync(socket)))
  const client = pluginClient(socket)
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    client.close()
    await keepLocalPages(folder, cluster.env.ACS_RUN_DIR!)
    plugin.process.kill('SIGTERM')
    await plugin.ended
    await rm(socket, { force: true })
    await cluster.close()
  }
  return {
    cluster,
    client,
    plugin: () => plugin,
    mountPoint: (volume) => join(mountFolder, volume),
    logs: () => plugin.told(),
    close: () => (closing ??= close()),
  }
}
