import { join } from 'node:path'
import { isMet, type Need } from './requirements.js'

/**
 * Prism's own specifications and recorded answers. They are not part of this repository; tests that
 * need them skip loudly where the folder is absent, and fail in CI (ACS_REQUIRE=all).
 */
export const specsFolder = process.env.ACS_SPECS ?? join(import.meta.dirname, '..', '..', 'shared', 'specs')

/** What judging the simulator's answers takes. */
export const contractNeeds: readonly Need[] = ['v2', 'v08', 'v1', 'recorded-v2'].map((name) => ({
  folder: join(specsFolder, name),
}))

export function specsPresent(): boolean {
  return contractNeeds.every(isMet)
}
