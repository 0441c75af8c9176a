import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What a test needs of the machine. */
export type Need = 'root' | 'fuse' | 'loop' | { tool: string } | { folder: string }

/**
 * Whether a test may run here: `describe.skipIf(!requirement('attach', ['root', { tool: 'qemu-storage-daemon' }]))`.
 * Prints what is missing, so that a skip is seen; with ACS_REQUIRE=all (CI) it throws instead.
 */
export function requirement(suite: string, needs: readonly Need[]): boolean {
  const missing = needs.filter((need) => !isMet(need)).map(nameOf)
  if (missing.length === 0) return true
  if (process.env.ACS_REQUIRE === 'all')
    throw new Error(`${suite}: this machine lacks ${missing.join(', ')}, and ACS_REQUIRE=all allows no skip`)
  process.stderr.write(`SKIPPED ${suite}: this machine lacks ${missing.join(', ')}\n`)
  return false
}

export function isMet(need: Need): boolean {
  if (need === 'root') return process.getuid?.() === 0
  if (need === 'fuse') return existsSync('/dev/fuse')
  if (need === 'loop') return existsSync('/dev/loop-control')
  if ('folder' in need) return existsSync(need.folder)
  return toolPath(need.tool) !== undefined
}

function nameOf(need: Need): string {
  if (typeof need === 'string') return need
  return 'tool' in need ? need.tool : need.folder
}

function toolPath(tool: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']
  return folders
    .map((folder) => join(folder, tool))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
