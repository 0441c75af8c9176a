import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectPrism } from '../../../src/lib/prism/connect.js'
import type { Prism } from '../../../src/lib/prism/prism.js'
import type { Simulator, SimulatorOptions } from '../../../src/lib/sim/simulator.js'
import { keepFiles } from '../../secrets/evidence.js'
import { startSimulator } from '../../simulator.js'
import { acs, startAcs, type Outcome, type Running } from '../cli/acs.js'

/** A simulated cluster, and acs as people run it against it, with state folders of its own. */
export interface VolumeLab {
  simulator: Simulator
  prism: Prism
  /** Everything temporary is below. */
  folder: string
  env: Record<string, string>
  run: (args: string, env?: Record<string, string>) => Promise<Outcome>
  start: (args: string, env?: Record<string, string>) => Running
  /** The result of a command that must succeed. */
  json: (args: string, env?: Record<string, string>) => Promise<Record<string, unknown>>
  /** The error of a command that must fail, with its exit code. */
  failure: (args: string, env?: Record<string, string>) => Promise<Failure>
  close: () => Promise<void>
}

export interface Failure {
  exit: number | null
  code: string
  message: string
  hints: string[]
  details: Record<string, unknown>
}

export async function startVolumeLab(options: Partial<SimulatorOptions> = {}): Promise<VolumeLab> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-volume-lab-'))
  const simulator = await startSimulator({ dataFolder: join(folder, 'sim'), ...options })
  const { endpoint, username, passwordFile, fingerprint, dataServices } = simulator
  const env = {
    ACS_ENDPOINT: endpoint,
    ACS_USERNAME: username,
    ACS_PASSWORD_FILE: passwordFile,
    ACS_FINGERPRINT: fingerprint,
    ACS_DATA_SERVICES: dataServices,
    ACS_STATE_DIR: join(folder, 'state'),
    ACS_RUN_DIR: join(folder, 'run'),
  }
  const password = (await readFile(passwordFile, 'utf8')).trim()
  const prism = connectPrism({
    endpoint,
    username,
    fingerprint,
    password: () => Promise.resolve(password),
    userAgent: 'test',
  })
  const run = (args: string, more: Record<string, string> = {}): Promise<Outcome> =>
    acs(words(args), { ...env, ...more })
  return {
    simulator,
    prism,
    folder,
    env,
    run,
    start: (args, more = {}) => startAcs(words(args), { ...env, ...more }),
    async json(args, more) {
      const { code, stdout, stderr } = await run(`${args} --json`, more)
      if (code !== 0 || stderr !== '') throw new Error(`acs ${args}: exit ${String(code)}\n${stderr}${stdout}`)
      return (JSON.parse(stdout) as { result: Record<string, unknown> }).result
    },
    async failure(args, more) {
      const { code, stdout } = await run(`${args} --json`, more)
      const { error } = JSON.parse(stdout) as { error: Omit<Failure, 'exit'> }
      return { ...error, exit: code }
    },
    async close() {
      await prism.close()
      await simulator.close()
      keepFiles(folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** `create "a b"`: words, quotes respected. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '')
}
