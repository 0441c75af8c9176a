import type { SimulatorBehaviour } from './simulator.js'

/** Defaults of every switch: recorded where a recording exists, else what the specification suggests. */
export const defaultBehaviour: SimulatorBehaviour = {
  taskDurationMs: 0,
  notFoundAfterCreateMs: 0,
  uniqueNames: true,
  sessionLifetimeMs: 15 * 60_000,
  virtualTargets: 32,
  virtualTargetLun: 'index',
  discovery: 'virtual',
  createdStatus: 201,
  unknownStatus: 404,
  refusedStatus: 500,
  staleStatus: 500,
  deleteAttached: 'task-failure',
  deleteAttachedText:
    'INVALID_ARGUMENT: Invalid Argument: 6 :Volume group must be detached from all clients before deletion.',
  updateResponse: 'specified',
  maxDescriptionLength: 1000,
}

const choices: { [K in keyof SimulatorBehaviour]?: readonly SimulatorBehaviour[K][] } = {
  virtualTargetLun: ['index', 'zero'],
  discovery: ['virtual', 'base', 'both'],
  createdStatus: [200, 201],
  unknownStatus: [404, 500],
  refusedStatus: [400, 422, 500],
  staleStatus: [409, 412, 500],
  deleteAttached: ['task-failure', 'refused'],
  updateResponse: ['specified', 'full'],
}

/** Changes the switches named in `change`; returns what is wrong with it instead, having changed nothing. */
export function changeBehaviour(
  behaviour: SimulatorBehaviour,
  change: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const [name, value] of Object.entries(change)) {
    if (!isSwitch(name)) return `there is no switch "${name}"; they are ${Object.keys(defaultBehaviour).join(', ')}`
    const allowed: readonly unknown[] | undefined = choices[name]
    if (typeof value !== typeof defaultBehaviour[name] || (typeof value === 'number' && !(value >= 0)))
      return `switch "${name}" takes a ${typeof defaultBehaviour[name]}`
    if (allowed && !allowed.includes(value)) return `switch "${name}" takes one of ${allowed.join(', ')}`
  }
  Object.assign(behaviour, change)
  return undefined
}

function isSwitch(name: string): name is keyof SimulatorBehaviour {
  return Object.hasOwn(defaultBehaviour, name)
}
