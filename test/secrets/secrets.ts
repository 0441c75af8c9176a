import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A value that must not be seen anywhere, and what to call it where it was seen. */
export interface Secret {
  name: string
  value: string
}

/** Where this test run collects its evidence, for what runs within a test; undefined where none is collected. */
export function evidenceFolder(): string | undefined {
  return process.env.ACS_TEST_EVIDENCE || undefined
}

const fileOf = (folder: string): string => join(folder, 'secrets.jsonl')

/** A secret of this run's: looked for in all that the run leaves to see, what was collected before included. */
export function learnSecret(name: string, value: string, folder = evidenceFolder()): void {
  if (folder === undefined || secretsOf(folder).some((known) => known.value === value)) return
  appendFileSync(fileOf(folder), `${JSON.stringify({ name, value } satisfies Secret)}\n`, { mode: 0o600 })
}

/** All that were learned in this run. */
export function secretsOf(folder: string): Secret[] {
  if (!existsSync(fileOf(folder))) return []
  const lines = readFileSync(fileOf(folder), 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Secret)
}

/**
 * The password of every simulated cluster of a run: with what shells, JSON and URLs escape, so that an escaped one is
 * looked for too, and another in each run, so that nothing else on this machine can hold it.
 */
export function prismPassword(): string {
  const folder = evidenceFolder()
  const known = folder === undefined ? undefined : secretsOf(folder).find(({ name }) => name === prismPasswordName)
  return known?.value ?? newPassword('without-evidence')
}

export const prismPasswordName = "Prism's password"

export function newPassword(run: string): string {
  return `Pr"s%m&\\$-${run}`
}
