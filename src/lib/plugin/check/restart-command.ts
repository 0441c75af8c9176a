import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import { redactText } from '../../base/redact.js'
import { Complaint } from './check.js'
import { shortened } from './exchange.js'

/**
 * Runs the user's shell command and waits for the shell, not for what it leaves running: its output goes to a file, so
 * that a plugin started in the background holds no pipe of ours, and finds its own still open after us.
 * Throws a complaint when the command fails.
 */
export async function runRestartCommand(command: string, deadline: Deadline): Promise<void> {
  deadline.check('restarting the plugin')
  const folder = await mkdtemp(join(tmpdir(), 'acs-check-'))
  try {
    const output = join(folder, 'output')
    const file = await open(output, 'w')
    const ended = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', file.fd, file.fd], signal: deadline.signal })
      child.once('error', reject).once('exit', (code, signal) => resolve({ code, signal }))
    }).finally(() => file.close())
    if (ended.code === 0) return
    const text = shortened(redactText((await readFile(output, 'utf8')).trim()), 500)
    throw new Complaint(
      `the restart command ended with ${ended.signal ?? `code ${ended.code ?? '?'}`}${text ? `: ${text}` : ''}`,
    )
  } catch (error) {
    deadline.check('restarting the plugin')
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
