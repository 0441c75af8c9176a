import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evidenceFolder } from './secrets.js'

const filesOf = (folder: string): string => join(folder, 'test-files')

/** What every test file lets a child say, to show that it would be heard. */
export function canary(testPath: string): string {
  return `acs-evidence-canary ${testPath}`
}

export function beginFile(testPath: string): void {
  const folder = evidenceFolder()
  if (folder !== undefined) appendFileSync(filesOf(folder), `${testPath}\n`)
}

export function begunFiles(folder: string): string[] {
  if (!existsSync(filesOf(folder))) return []
  return readFileSync(filesOf(folder), 'utf8').trim().split('\n')
}
