import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const program = join(import.meta.dirname, '..', '..', 'bin', 'run.js')

/** Runs acs on this machine, as an administrator would. Throws with what it said. */
export async function acs(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await exec(process.execPath, [program, ...argv], {
    env: { ...process.env, ACS_NO_INPUT: '1', ...env },
    maxBuffer: 64 * 1024 ** 2,
  })
  return stdout
}

export async function acsJson<T>(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<T> {
  return (JSON.parse(await acs([...argv, '--json'], env)) as { result: T }).result
}

export { exec }
