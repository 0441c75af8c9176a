import { expect, it } from 'vitest'
import { defaultBudgets, managedBudgets } from '../../../src/lib/plugin/budgets.js'
import { serviceUnit } from '../../../src/lib/plugin/install/units.js'

const unit = serviceUnit({ name: 'nutanix', program: ['/usr/bin/acs'] })

it.each([
  ['systemd', defaultBudgets, 1_000 * Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])],
  // docker-protocols.md B.1: SIGTERM, 10 s, SIGKILL.
  ['dockerd', { ...defaultBudgets, ...managedBudgets }, 10_000],
])('%s does not kill a plugin that is stopping in order', (_who, budgets, killMs) => {
  expect(budgets.stopMs).toBeLessThan(killMs)
  expect(budgets.drainMs + budgets.cancelMs).toBeLessThan(budgets.stopMs)
})
