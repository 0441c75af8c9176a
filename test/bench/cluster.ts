import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const repository = join(import.meta.dirname, '..', '..')
export const acsPath = join(repository, 'bin', 'run.js')

/** A simulator of its own process, and the environment that leads `acs` to it. */
export interface BenchCluster {
  env: NodeJS.ProcessEnv
  folder: string
  /** The simulator's own folder. */
  data: string
  acs(...args: string[]): Promise<string>
  stop(): void
}

const run = promisify(execFile)

/** Starts `acs sim` on free ports and an empty folder. */
export async function startCluster(): Promise<BenchCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'acs-bench-'))
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: folder,
    ACS_CONFIG_HOME: join(folder, 'config'),
    ACS_STATE_DIR: join(folder, 'state'),
    ACS_RUN_DIR: join(folder, 'run'),
    // Node 20 parses this file at every start, which would slow bare node and acs alike.
    NODE_EXTRA_CA_CERTS: undefined,
    NODE_OPTIONS: undefined,
  }
  const data = join(folder, 'cluster')
  const acs = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, [acsPath, ...args], { env, maxBuffer: 256 * 1024 ** 2 })
    return stdout
  }
  const listen = ['--listen', '127.0.0.1:0', '--iscsi', '127.0.0.1:0', '--task-duration', '0']
  await acs('sim', 'start', '--detach', '--data', data, ...listen)
  for (const line of (await acs('sim', 'env', '--data', data)).split('\n')) {
    const [, name, value] = /^export (\w+)='?(.*?)'?$/.exec(line) ?? []
    if (name) env[name] = value
  }
  return {
    env,
    folder,
    data,
    acs,
    stop() {
      spawnSync(process.execPath, [acsPath, 'sim', 'stop', '--data', data], { env, stdio: 'inherit' })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
