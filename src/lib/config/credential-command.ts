import { spawn } from 'node:child_process'
import { AcsError, messageOf } from '../base/errors.js'
import type { Environment } from './paths.js'
import { firstLine } from './secret-file.js'

const patienceMs = 30_000
const maxOutputBytes = 64 * 1024

/**
 * The first line that a command prints, for vaults and password managers (`pass show prism`). It runs in
 * `sh -c`, as the user wrote it in their own config file, and learns user and endpoint from ACS_USERNAME and
 * ACS_ENDPOINT. Throws EACSCREDENTIALCOMMAND (auth).
 */
export async function runCredentialCommand(
  command: string,
  who: { username: string; endpoint: string },
  env: Environment,
): Promise<string> {
  const result = await run(command, {
    ...env,
    ACS_PASSWORD: undefined,
    ACS_USERNAME: who.username,
    ACS_ENDPOINT: who.endpoint,
  })
  if (result.problem !== undefined)
    throw new AcsError('auth', 'EACSCREDENTIALCOMMAND', `the credential command "${command}" ${result.problem}`, {
      // Its stderr is for the user; its stdout may be half a password.
      hints: result.stderr === '' ? ['Try it by itself in a shell'] : [result.stderr, 'Try it by itself in a shell'],
    })
  return firstLine(result.stdout, `the output of "${command}"`)
}

interface Result {
  problem?: string
  stdout: string
  stderr: string
}

async function run(command: string, env: Record<string, string | undefined>): Promise<Result> {
  return new Promise((resolve) => {
    // stdin stays ours: a password manager may ask for its own password on the terminal.
    const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['inherit', 'pipe', 'pipe'], detached: false })
    let stdout = ''
    let stderr = ''
    let problem: string | undefined
    const timer = setTimeout(() => {
      problem = `did not end within ${patienceMs / 1000} s`
      child.kill('SIGKILL')
    }, patienceMs)
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (stdout.length < maxOutputBytes) stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(-500)
    })
    child.once('error', (error) => {
      clearTimeout(timer)
      resolve({ problem: messageOf(error), stdout: '', stderr: '' })
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (problem === undefined && code !== 0)
        problem = code === null ? `was ended by ${signal ?? 'a signal'}` : `failed with exit code ${code}`
      resolve({ problem, stdout, stderr: stderr.trim() })
    })
  })
}
