import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { aliasPath } from '../../../src/lib/plugin/alias.js'
import type { Running } from '../../integration/cli/acs.js'
import { keepFiles } from '../../secrets/evidence.js'
import { startMountedLab, type MountedLab } from '../volume/mounted-lab.js'
import { keepLocalPages, talkativeConfig, talkativeEnvironment } from './talkative.js'
import { until } from './until.js'

/** A simulated cluster, and acs's plugin where engines look for plugins. */
export interface ServedPlugin {
  cluster: MountedLab
  /** For everything of the engine's that is temporary; its path is short. */
  folder: string
  /** Name of the volume driver, unlike any other on this machine. */
  driver: string
  /** Path of its socket. */
  socket: string
  plugin: () => Running
  startPlugin: (env?: Record<string, string>) => Promise<void>
  /** Waits until the plugin has ended. */
  stopPlugin: (signal: NodeJS.Signals) => Promise<void>
  /** What is left of volumes once everything lingering is detached; empty when clean. */
  settled: () => Promise<string[]>
  close: () => Promise<void>
}

export interface ServedPluginOptions {
  /** Text of the plugin's configuration file. */
  config?: string
}

export async function startServedPlugin(options: ServedPluginOptions = {}): Promise<ServedPlugin> {
  const cluster = await startMountedLab()
  // Not below the test runner's folder: a socket's path has 107 bytes.
  const folder = await mkdtemp(join('/tmp', 'acs-en-'))
  const driver = `acs-t-${randomBytes(3).toString('hex')}`
  const socket = `/run/docker/plugins/${driver}.sock`
  const configFile = join(folder, 'plugin.yaml')
  await writeFile(
    configFile,
    [
      `mountFolder: ${folder}/mnt`,
      `docker: ${folder}/docker.sock`,
      `peer: { listen: '127.0.0.1:0' }`,
      talkativeConfig(folder),
      options.config ?? 'linger: 1s',
      '',
    ].join('\n'),
  )
  let plugin: Running | undefined
  const startPlugin = async (env: Record<string, string> = {}): Promise<void> => {
    plugin = cluster.start(`plugin serve --name ${driver} --config ${configFile}`, { ...talkativeEnvironment, ...env })
    await until('the plugin listens', 10_000, () => Promise.resolve(existsSync(socket)))
  }
  const stopPlugin = async (signal: NodeJS.Signals): Promise<void> => {
    await keepLocalPages(folder, cluster.env.ACS_RUN_DIR!)
    plugin?.process.kill(signal)
    await plugin?.ended
  }
  await startPlugin()
  return {
    cluster,
    folder,
    driver,
    socket,
    plugin: () => plugin!,
    startPlugin,
    stopPlugin,
    settled: () => settled(cluster),
    async close() {
      await stopPlugin('SIGTERM')
      // A killed one leaves both names.
      for (const path of [socket, aliasPath(socket)]) await rm(path, { force: true })
      await cluster.close()
      keepFiles(folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What is left of a cluster's volumes on this machine once everything lingering is detached; empty when clean. */
export async function settled(cluster: MountedLab): Promise<string[]> {
  let left: string[] = []
  try {
    await until('all is detached', 30_000, async () => {
      left = await cluster.leftovers()
      return left.length === 0
    })
  } catch {
    // What is left says more than that time ran out.
  }
  return left
}
