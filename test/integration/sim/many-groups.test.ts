import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRig, type Rig } from './sim-client.js'

const count = 5000
let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  const names = Array.from({ length: count }, (_, at) => `group-${at}`)
  const { body } = await rig.client.get('/storage_containers?count=1&page=2')
  const container = body.entities[0]!.storage_container_uuid
  for (let start = 0; start < count; start += 100) {
    await Promise.all(
      names.slice(start, start + 100).map((name) =>
        rig.client.post('/volume_groups', {
          name,
          disk_list: [{ create_config: { size: 1048576, storage_container_uuid: container } }],
        }),
      ),
    )
  }
}, 60_000)

afterAll(async () => {
  await rig.close()
})

it('lists 5,000 groups without a sweat, also after a restart', async () => {
  await expect.poll(() => rig.simulator.state().volumeGroups, { timeout: 20_000 }).toBe(count)
  const list = async (): Promise<number> => {
    const startedAt = performance.now()
    const { body } = await rig.client.get('/volume_groups/')
    expect(body.entities).toHaveLength(count)
    return performance.now() - startedAt
  }
  await list()
  const listMs = await list()
  const startedAt = performance.now()
  await rig.restart()
  const startMs = performance.now() - startedAt
  console.log(`list ${Math.round(listMs)} ms, stop and start ${Math.round(startMs)} ms`)
  expect(rig.simulator.state().volumeGroups).toBe(count)
  await list()
  // Wide of what it takes on an idle machine (about 100 and 400 ms), narrow enough to catch a square law.
  expect(listMs).toBeLessThan(1500)
  expect(startMs).toBeLessThan(5000)
})
