import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { startLab, startLossyGateway, firstTimes } from './simulated.js'

describe('login', () => {
  it('happens once in a storm of calls', async () => {
    const { connect, sim } = await startLab()
    const before = sim.state().logins
    const prism = connect()
    await Promise.all(Array.from({ length: 100 }, (_, index) => (index % 2 ? prism.cluster() : prism.volumeGroups())))
    expect(sim.state().logins - before).toBe(1)
  })

  it('is tried once with a wrong password, however many calls wait', async () => {
    const { connect, sim } = await startLab()
    const prism = connect({ password: () => Promise.resolve('wrong') })
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => prism.cluster()))
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'EACSAUTH', kind: 'auth' } })
    expect(sim.state().failedLogins).toBe(1)
  })

  it('is repeated, once, when the session ends in the middle of a task', async () => {
    const { connect, sim } = await startLab({ behaviour: { taskDurationMs: 600 } })
    const prism = connect()
    await prism.cluster()
    const before = sim.state().logins
    sim.addFault({ kind: 'expire-session', match: 'GET /tasks/*' })
    await prism.createVolumeGroup({ name: 'web', disks: [] })
    expect(sim.state().logins - before).toBe(1)
  })

  it('is repeated, once, when a storm meets an ended session', async () => {
    const { connect, sim } = await startLab({ behaviour: { sessionLifetimeMs: 150 } })
    const prism = connect()
    await prism.cluster()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const before = sim.state().logins
    await Promise.all(Array.from({ length: 20 }, () => prism.cluster()))
    expect(sim.state().logins - before).toBe(1)
  })
})

describe('trouble on the way', () => {
  it('is outlasted: 503 and dropped connections', async () => {
    const { connect, sim, events } = await startLab()
    const prism = connect()
    sim.addFault({ kind: 'status', value: 503, match: 'GET /cluster', count: 2 })
    sim.addFault({ kind: 'drop', match: 'GET /cluster', count: 1 })
    await expect(prism.cluster()).resolves.toMatchObject({ name: expect.any(String) as string })
    expect(events).toHaveLength(4)
  })

  it('is outlasted in the middle of a task', async () => {
    const { connect, sim } = await startLab({ behaviour: { taskDurationMs: 500 } })
    sim.addFault({ kind: 'drop', match: 'GET /tasks/*', count: 7 })
    await expect(connect().createVolumeGroup({ name: 'web', disks: [] })).resolves.toMatchObject({
      uuid: expect.any(String) as string,
    })
  })

  it('does not make a second group when the answer to create is lost', async () => {
    const lab = await startLab({ behaviour: { taskDurationMs: 200 } })
    const { endpoint, lost } = await startLossyGateway(lab, firstTimes(1, /^POST .*volume_groups\//))
    const prism = lab.connect({ endpoint })
    const { uuid } = await prism.createVolumeGroup({
      name: 'web',
      disks: [{ sizeBytes: 1024 ** 3, storageContainerUuid: lab.containerUuid }],
    })
    expect(lost).toHaveLength(1)
    expect(await prism.volumeGroups()).toMatchObject([{ uuid, disks: [{ index: 0 }] }])
  })

  it('takes a group that is gone as deleted when the answer to delete is lost', async () => {
    const lab = await startLab()
    const { uuid } = await lab.connect().createVolumeGroup({ name: 'web', disks: [] })
    const { endpoint, lost } = await startLossyGateway(lab, firstTimes(1, /^DELETE/))
    const prism = lab.connect({ endpoint })
    await prism.deleteVolumeGroup(await prism.volumeGroup(uuid))
    expect(lost).toHaveLength(1)
    expect(await prism.volumeGroups()).toEqual([])
  })

  it('does not add a disk twice when the answer is lost', async () => {
    const lab = await startLab()
    const { uuid } = await lab.connect().createVolumeGroup({ name: 'web', disks: [] })
    const { endpoint } = await startLossyGateway(lab, firstTimes(1, /^POST .*disks/))
    const prism = lab.connect({ endpoint })
    const adding = prism.addDisk(uuid, { sizeBytes: 1024 ** 2, storageContainerUuid: lab.containerUuid })
    await expect(adding).rejects.toMatchObject({ code: 'EACSUNREACHABLE', details: { ambiguous: true } })
    // The task goes on whether its answer arrived or not.
    await expect.poll(async () => (await prism.volumeGroup(uuid)).disks.length).toBe(1)
    for (const { uuid: task } of await prism.tasks({ includeCompleted: false })) await prism.waitForTask(task)
    expect((await prism.volumeGroup(uuid)).disks).toHaveLength(1)
  })

  it('removes one disk, not two, when the answer is lost', async () => {
    const lab = await startLab()
    const disk = { sizeBytes: 1024 ** 2, storageContainerUuid: lab.containerUuid }
    const { uuid } = await lab.connect().createVolumeGroup({ name: 'web', disks: [disk, disk] })
    const { endpoint, lost } = await startLossyGateway(lab, firstTimes(1, /^DELETE/))
    const prism = lab.connect({ endpoint })
    await prism.removeDisk(uuid, 0)
    expect(lost).toHaveLength(1)
    expect((await prism.volumeGroup(uuid)).disks).toHaveLength(1)
  })

  it('names the host and why when nobody answers', async () => {
    const { connect } = await startLab()
    for (const [endpoint, cause] of [
      ['127.0.0.1:1', 'ECONNREFUSED'],
      ['prism.invalid', 'ENOTFOUND'],
    ] as const)
      await expect(connect({ endpoint }).cluster({ deadline: deadlineIn(5_000) })).rejects.toMatchObject({
        code: 'EACSUNREACHABLE',
        kind: 'timeout',
        message: expect.stringContaining(endpoint) as string,
        details: { cause: expect.stringMatching(`${cause}|EAI_AGAIN`) as string },
      })
  })

  it('ends the wait for a task at the deadline and says which task runs on', async () => {
    const { connect } = await startLab({ behaviour: { taskDurationMs: 20_000 } })
    const creating = connect().createVolumeGroup({ name: 'web', disks: [] }, { deadline: deadlineIn(400) })
    await expect(creating).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
      details: { taskUuid: expect.any(String) as string },
      hints: expect.arrayContaining([expect.stringContaining('acs task wait')]) as string[],
    })
  })
})
