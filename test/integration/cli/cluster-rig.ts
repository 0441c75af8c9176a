import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { connectPrism } from '../../../src/lib/prism/connect.js'
import type { Prism } from '../../../src/lib/prism/prism.js'
import type { Simulator } from '../../../src/lib/sim/simulator.js'
import { startSimulator } from '../../simulator.js'
import { acs, type Outcome } from './acs.js'

/** A cluster of its own, with acs on the command line and a client beside it. */
export interface ClusterRig {
  simulator: Simulator
  prism: Prism
  environment: Record<string, string>
  run(...args: string[]): Promise<Outcome>
  /** The result of a command that must succeed, without warnings and talk. */
  json(...args: string[]): Promise<unknown>
  /** Code and exit code of a command that must fail. */
  failure(...args: string[]): Promise<{ code: string; exit: number | null; message: string; hints: string[] }>
  close(): Promise<void>
}

export async function startClusterRig(): Promise<ClusterRig> {
  const folder = mkdtempSync(join(tmpdir(), 'acs-cluster-rig-'))
  const simulator = await startSimulator({ dataFolder: folder })
  const { endpoint, username, passwordFile, fingerprint } = simulator
  const environment = {
    ACS_ENDPOINT: endpoint,
    ACS_USERNAME: username,
    ACS_PASSWORD_FILE: passwordFile,
    ACS_FINGERPRINT: fingerprint,
  }
  const password = readFileSync(passwordFile, 'utf8').trim()
  const prism = connectPrism({
    endpoint,
    username,
    fingerprint,
    password: () => Promise.resolve(password),
    userAgent: 'test',
  })
  return {
    simulator,
    prism,
    environment,
    run: (...args) => acs(args, environment),
    async json(...args) {
      const { code, stdout, stderr } = await acs([...args, '--json'], environment)
      expect({ args, code, stderr, stdout: code === 0 ? '' : stdout }).toEqual({
        args,
        code: 0,
        stderr: '',
        stdout: '',
      })
      const document = JSON.parse(stdout) as { result: unknown }
      expect(document).toMatchObject({ warnings: [] })
      return document.result
    },
    async failure(...args) {
      const { code, stdout } = await acs([...args, '--json'], environment)
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hints: string[] } }
      return { ...error, exit: code }
    },
    async close() {
      await prism.close()
      await simulator.close()
      rmSync(folder, { recursive: true })
    },
  }
}
