import type { Check } from './check.js'
import { activateChecks } from './checks/activate.js'
import { answerChecks } from './checks/answers.js'
import { bodyChecks } from './checks/bodies.js'
import { createChecks } from './checks/create.js'
import { mountChecks } from './checks/mounts.js'
import { nameChecks } from './checks/names.js'
import { readingChecks } from './checks/reading.js'
import { removeChecks } from './checks/remove.js'
import { restartChecks } from './checks/restart.js'
import { timeChecks } from './checks/time.js'
import { transportChecks } from './checks/transport.js'
import { unmountChecks } from './checks/unmounts.js'

/** All checks, in the order they run: what others need comes before them. */
export const allChecks: readonly Check[] = [
  ...activateChecks,
  ...createChecks,
  ...mountChecks,
  ...unmountChecks,
  ...readingChecks,
  ...removeChecks,
  ...nameChecks,
  ...answerChecks,
  ...transportChecks,
  ...bodyChecks,
  ...restartChecks,
  ...timeChecks,
]
