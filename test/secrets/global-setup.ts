import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { begunFiles, canary } from './canary.js'
import { evidenceOf } from './evidence.js'
import { findLeaks } from './search.js'
import { learnSecret, newPassword, prismPasswordName, secretsOf } from './secrets.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the evidence. */
    evidence: string
  }
}

/**
 * Around the whole run of the e2e tests: what processes show, what programs say and what files hold is collected while it
 * runs, and searched for secrets when it is over. A secret that is found fails the run, and so does evidence that is missing.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'acs-evidence-'))
  project.provide('evidence', folder)
  learnSecret(prismPasswordName, newPassword(randomBytes(12).toString('hex')), folder)
  const watch = await startWatch(folder)
  return async () => {
    try {
      const watched = await endWatch(watch, folder)
      tell(folder, watched)
    } catch (error) {
      // Vitest only prints what a teardown throws.
      process.exitCode = 1
      throw error
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function startWatch(folder: string): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('watch-process.ts', import.meta.url))
  const watch = spawn(process.execPath, ['--import', 'tsx', program, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(watch.stdout, 'data')
  return watch
}

/** Whether it still sees what it is there for, and how much it saw. */
async function endWatch(watch: ChildProcess, folder: string): Promise<number> {
  if (watch.exitCode !== null || watch.signalCode !== null) throw new Error('the watch over arguments has ended early')
  const sign = `acs-evidence-canary-${randomBytes(4).toString('hex')}`
  await promisify(execFile)('sh', ['-c', 'sleep 0.5', sign])
  const ended = once(watch, 'exit')
  watch.stdin?.end()
  await ended
  const seen = [...evidenceOf(folder)].filter(({ source }) => source.startsWith('arguments of '))
  if (!seen.some(({ text }) => text.includes(sign))) throw new Error('the watch over arguments sees no arguments')
  return seen.length
}

/** Throws when there is a secret in the evidence, or a test file without evidence. */
function tell(folder: string, watched: number): void {
  const files = begunFiles(folder)
  const said = new Set([...evidenceOf(folder)].map(({ text }) => text.trim()))
  const silent = files.filter((file) => !said.has(canary(file)))
  if (silent.length > 0) throw new Error(`what these tests' programs say was not kept:\n${silent.join('\n')}`)
  const leaks = findLeaks(folder)
  if (leaks.length > 0)
    throw new Error(
      [
        `${leaks.length} times a secret was to be seen:`,
        ...leaks.map(({ source, line, what, text }) => `${source}:${line}: ${what}: ${text}`),
      ].join('\n'),
    )
  const texts = [...evidenceOf(folder)].reduce((sum, { text }) => sum + text.length, 0)
  process.stderr.write(
    `secrets: ${secretsOf(folder).length} of ${files.length} test files are in none of ${watched} processes' arguments and ${(texts / 1e6).toFixed(1)} MB of output, logs and files\n`,
  )
}
