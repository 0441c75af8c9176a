import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Prism's own specifications and recorded answers. They are not part of this repository; tests that
 * need them skip loudly where the folder is absent, and fail in CI (ACS_REQUIRE=all).
 */
export const specsFolder = process.env.ACS_SPECS ?? join(import.meta.dirname, '..', '..', 'shared', 'specs')

export function specsPresent(): boolean {
  return existsSync(specsFolder)
}
