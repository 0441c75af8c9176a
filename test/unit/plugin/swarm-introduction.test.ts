import { expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { introduceToSwarm } from '../../../src/lib/plugin/swarm-introduction.js'

/** A Docker that knows a driver once its volumes were listed. */
function docker(active: boolean, known: string[]) {
  const lists: string[][] = []
  return {
    lists,
    swarmNode: () => Promise.resolve({ active, volumeDrivers: known }),
    volumes: () => {
      lists.push(known)
      known.push('nutanix')
      return Promise.resolve([])
    },
  }
}

it('lists the volumes once where Swarm lacks the driver', async () => {
  const engine = docker(true, ['local'])
  expect(await introduceToSwarm(engine, 'nutanix', deadlineIn(1_000))).toBe(true)
  expect(await introduceToSwarm(engine, 'nutanix', deadlineIn(1_000))).toBe(false)
  expect(engine.lists).toHaveLength(1)
})

it('leaves a Docker alone that is in no Swarm', async () => {
  const engine = docker(false, ['local'])
  expect(await introduceToSwarm(engine, 'nutanix', deadlineIn(1_000))).toBe(false)
  expect(engine.lists).toEqual([])
})
