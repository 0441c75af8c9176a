import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pluginClient } from '../../e2e/plugin/plugin-client.js'
import { acsPath, type BenchCluster } from '../cluster.js'

/** `acs plugin serve` as a process of its own. */
export interface PluginProcess {
  socket: string
  client: ReturnType<typeof pluginClient>
  /** What it logged so far: JSON lines. */
  log(): string
  /** Resident memory, by the kernel. */
  residentMiB(): number
  stop(): Promise<void>
}

export interface PluginOptions {
  /** Lines of the configuration file. */
  config?: readonly string[]
}

/** Starts it and returns at once: whether it listens is for the caller to see. */
export function startPlugin(cluster: BenchCluster, options: PluginOptions = {}): PluginProcess {
  // Not below the cluster's folder: a socket's path has 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'acs-bp-'))
  const socket = join(folder, 'plugin.sock')
  const config = join(folder, 'plugin.yaml')
  const logFile = join(folder, 'log')
  const own = [
    `mountFolder: ${placeIn(cluster)}`,
    `docker: ${folder}/no-docker.sock`,
    `peer: { listen: '127.0.0.1:0' }`,
  ]
  writeFileSync(config, [...own, ...(options.config ?? [])].join('\n'))
  const log = openSync(logFile, 'a')
  const child = spawn(
    process.execPath,
    [acsPath, 'plugin', 'serve', '--name', 'bench', '--socket', socket, '--config', config],
    { env: { ...cluster.env, ACS_INITIATOR: 'userspace' }, stdio: ['ignore', 'ignore', log] },
  )
  closeSync(log)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const client = pluginClient(socket)
  return {
    socket,
    client,
    log: () => readFileSync(logFile, 'utf8'),
    residentMiB: () => residentMiB(child),
    async stop() {
      client.close()
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Where volumes are mounted. */
export function placeIn(cluster: BenchCluster): string {
  const place = join(cluster.folder, 'mnt')
  mkdirSync(place, { recursive: true })
  return place
}

/** Waits until the plugin answers, and until it knows that many volumes. */
export async function untilReady(plugin: PluginProcess, volumes = 0): Promise<void> {
  const end = Date.now() + 120_000
  while (Date.now() < end) {
    const answer = await plugin.client.call('List').catch(() => undefined)
    const known = answer?.body.Volumes
    if (answer?.status === 200 && Array.isArray(known) && known.length >= volumes) return
    await sleep(50)
  }
  throw new Error(`the plugin does not know ${volumes} volumes: ${plugin.log().slice(-2_000)}`)
}

function residentMiB({ pid }: ChildProcess): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}
