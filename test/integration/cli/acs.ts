import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const projectRoot = fileURLToPath(new URL('../../..', import.meta.url))
const bin = fileURLToPath(new URL('../../../bin/run.js', import.meta.url))

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  process: ChildProcess
  ended: Promise<Outcome>
  /** Its stderr so far. */
  told: () => string
}

/** Only what a test gives reaches acs: no configuration and no variable of the machine it runs on. */
export function startAcs(args: readonly string[], env: Record<string, string> = {}, input = ''): Running {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ACS_CONFIG: '/nonexistent/config.yaml', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return { process: child, ended, told: () => stderr }
}

/** Runs the built acs to its end. */
export function acs(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Outcome> {
  return startAcs(args, env, input).ended
}
