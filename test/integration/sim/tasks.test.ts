import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defaultContainer, gib, startRig, type Rig } from './sim-client.js'

let rig: Rig
let container: string
let number = 0

beforeAll(async () => {
  rig = await startRig({ containerCapacityBytes: 10 * gib })
  container = await defaultContainer(rig.client)
})

beforeEach(() => {
  rig.simulator.behaviour.taskDurationMs = 0
  rig.simulator.clearFaults()
})

afterAll(async () => {
  await rig.close()
})

async function create(sizeBytes = gib): Promise<string> {
  const disk_list = [{ create_config: { size: sizeBytes, storage_container_uuid: container } }]
  const { body } = await rig.client.post('/volume_groups', { name: `group-${(number += 1)}`, disk_list })
  return body.task_uuid
}

describe('tasks', () => {
  it('take their time, and apply their effect at the end', async () => {
    rig.simulator.behaviour.taskDurationMs = 400
    const uuid = await create()
    const seen: number[] = []
    for (;;) {
      const { body } = await rig.client.get(`/tasks/${uuid}`)
      seen.push(body.percentage_complete)
      const group = body.entity_list[0]!.entity_id
      const { status } = await rig.client.get(`/volume_groups/${group}`)
      if (body.progress_status === 'Succeeded') break
      expect(['Queued', 'Running']).toContain(body.progress_status)
      if (body.percentage_complete < 50) expect(status).toBe(404)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(seen.at(-1)).toBe(100)
    expect(seen.some((percent) => percent > 0 && percent < 100)).toBe(true)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('fail on request, at the percentage asked for, and leave nothing', async () => {
    rig.simulator.behaviour.taskDurationMs = 100
    rig.simulator.addFault({ kind: 'task-failure', match: 'VolumeGroupCreate', atPercent: 60, message: 'no luck' })
    const before = (await rig.client.get('/volume_groups')).body.entities.length
    const uuid = await create()
    const { body } = await rig.client.post('/tasks/poll', { completed_tasks: [uuid], timeout_interval: 10 })
    expect(body.completed_tasks_info[0]).toMatchObject({
      progress_status: 'Failed',
      percentage_complete: 60,
      meta_response: { error_detail: 'no luck' },
    })
    expect((await rig.client.get('/volume_groups')).body.entities).toHaveLength(before)
  })

  it('fail when the container is full', async () => {
    const uuid = await create(11 * gib)
    const { body } = await rig.client.post('/tasks/poll', { completed_tasks: [uuid], timeout_interval: 10 })
    expect(body.completed_tasks_info[0]).toMatchObject({ progress_status: 'Failed' })
    expect(body.completed_tasks_info[0]!.meta_response.error_detail).toMatch(/NO_SPACE/)
  })

  it('can be cancelled while they run', async () => {
    rig.simulator.behaviour.taskDurationMs = 20_000
    const uuid = await create()
    expect((await rig.client.put('/tasks/cancel', [uuid])).body.entities).toEqual([uuid])
    const { body } = await rig.client.post('/tasks/poll', { completed_tasks: [uuid], timeout_interval: 10 })
    expect(body.completed_tasks_info[0]).toMatchObject({ progress_status: 'Aborted' })
  })

  it('are polled until the time is up', async () => {
    rig.simulator.behaviour.taskDurationMs = 3000
    const uuid = await create()
    const { body } = await rig.client.post('/tasks/poll', { completed_tasks: [uuid], timeout_interval: 1 })
    expect(body).toEqual({ completed_tasks_info: [], timed_out: true })
    await rig.client.put('/tasks/cancel', [uuid])
  })

  it('are listed by entity, unfinished only when asked', async () => {
    const { body } = await rig.client.post('/tasks/poll', { completed_tasks: [await create()], timeout_interval: 5 })
    const [task] = body.completed_tasks_info
    const entity_list = task!.entity_list.map(({ entity_id, entity_type }) => ({ entity_id, entity_type }))
    const all = await rig.client.post('/tasks/list', { entity_list, include_completed: true })
    expect(all.body.entities.map(({ uuid }) => uuid)).toEqual([task!.uuid])
    const open = await rig.client.post('/tasks/list', { entity_list, include_completed: false })
    expect(open.body.entities).toEqual([])
  })

  it('show a group only after the time it stays unknown', async () => {
    rig.simulator.behaviour.notFoundAfterCreateMs = 300
    const { body } = await rig.client.post('/tasks/poll', { completed_tasks: [await create()], timeout_interval: 5 })
    const path = `/volume_groups/${body.completed_tasks_info[0]!.entity_list[0]!.entity_id}`
    expect((await rig.client.get(path)).status).toBe(404)
    await expect.poll(async () => (await rig.client.get(path)).status, { timeout: 3000 }).toBe(200)
    rig.simulator.behaviour.notFoundAfterCreateMs = 0
  })
})
