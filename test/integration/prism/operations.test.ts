import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Task } from '../../../src/lib/prism/prism.js'
import { connect as connectPlainly, makeVm } from '../sim/sim-client.js'
import { startLab } from './simulated.js'

const GiB = 1024 ** 3
const iqn = 'iqn.1993-08.org.debian:01:abcdef'

describe('reading', () => {
  it('the cluster, its hosts and containers', async () => {
    const { connect } = await startLab()
    const prism = connect()
    const cluster = await prism.cluster()
    expect(cluster.uuid).toMatch(/^[0-9a-f-]{36}$/)
    expect(cluster.nodeCount).toBeGreaterThan(0)
    expect(cluster.dataServicesAddress).toBeDefined()
    const hosts = await prism.hosts()
    expect(hosts).toHaveLength(cluster.nodeCount)
    const containers = await prism.storageContainers()
    expect(containers.filter(({ internal }) => !internal).length).toBeGreaterThan(0)
    expect(containers.every(({ maxCapacityBytes }) => maxCapacityBytes > 0)).toBe(true)
    expect(await prism.volumeGroups()).toEqual([])
    expect(await prism.iscsiClients()).toEqual([])
  })

  it.each([404, 500] as const)('an unknown group is EACSNOTFOUND where the cluster says %i', async (unknownStatus) => {
    const { connect } = await startLab({ behaviour: { unknownStatus } })
    const uuid = randomUUID()
    await expect(connect().volumeGroup(uuid)).rejects.toMatchObject({
      code: 'EACSNOTFOUND',
      kind: 'not-found',
      details: { uuid },
    })
  })
})

describe('a volume group', () => {
  it('lives its life', async () => {
    const { connect, containerUuid } = await startLab({ behaviour: { taskDurationMs: 30 } })
    const prism = connect()
    const seen: Task[] = []
    const created = await prism.createVolumeGroup(
      {
        name: 'web',
        description: 'for the web',
        disks: [{ sizeBytes: GiB, storageContainerUuid: containerUuid }],
        flashMode: true,
        shared: true,
      },
      { onTask: (task) => seen.push(task) },
    )
    expect(created.taskUuid).toBeDefined()
    expect(seen.at(-1)).toMatchObject({ uuid: created.taskUuid, status: 'succeeded', percent: 100 })
    const group = await prism.volumeGroup(created.uuid)
    expect(group).toMatchObject({
      uuid: created.uuid,
      name: 'web',
      description: 'for the web',
      attachments: [],
      flashMode: true,
      shared: true,
      chap: false,
      disks: [{ index: 0, sizeBytes: GiB, storageContainerUuid: containerUuid }],
    })
    expect(group.logicalTimestamp).toBeGreaterThan(0)
    expect(group.iscsiTarget).not.toMatch(/^iqn\./)

    await prism.addDisk(created.uuid, { sizeBytes: 2 * GiB, storageContainerUuid: containerUuid })
    await prism.resizeDisk(created.uuid, 0, 3 * GiB)
    await expect(prism.resizeDisk(created.uuid, 0, GiB)).rejects.toMatchObject({ code: 'EACSSIZE' })
    await expect(prism.resizeDisk(created.uuid, 7, GiB)).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
    const grown = await prism.volumeGroup(created.uuid)
    expect(grown.disks.map(({ index, sizeBytes }) => [index, sizeBytes])).toEqual([
      [0, 3 * GiB],
      [1, 2 * GiB],
    ])
    expect(grown.disks[0]?.uuid).toBe(group.disks[0]?.uuid)
    await prism.removeDisk(created.uuid, 1)

    const clone = await prism.cloneVolumeGroup(created.uuid, { name: 'web-copy' })
    expect(clone.uuid).not.toBe(created.uuid)
    expect(await prism.volumeGroup(clone.uuid)).toMatchObject({ name: 'web-copy', disks: [{ sizeBytes: 3 * GiB }] })

    await prism.allowInitiator(created.uuid, { clientAddress: iqn })
    await prism.allowInitiator(created.uuid, { clientAddress: iqn })
    const open = await prism.volumeGroup(created.uuid)
    expect(open.attachments).toMatchObject([{ initiatorName: iqn }])
    expect(await prism.iscsiClients()).toMatchObject([{ clientAddress: iqn, chap: false }])

    await expect(prism.deleteVolumeGroup(open)).rejects.toMatchObject({
      code: 'EACSATTACHED',
      kind: 'conflict',
      details: { holders: [iqn] },
    })
    await prism.revokeInitiator(created.uuid, iqn)
    await prism.revokeInitiator(created.uuid, iqn)
    await expect(prism.deleteVolumeGroup(open)).rejects.toMatchObject({ code: 'EACSSTALE' })
    const last = await prism.volumeGroup(created.uuid)
    await prism.deleteVolumeGroup(last)
    await expect(prism.deleteVolumeGroup(last)).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
    expect((await prism.volumeGroups()).map(({ name }) => name)).toEqual(['web-copy'])

    const tasks = await prism.tasks({ includeCompleted: true, entityUuid: created.uuid })
    expect(tasks.length).toBeGreaterThan(0)
    expect(tasks.every(({ createdAt }) => createdAt instanceof Date)).toBe(true)
  })

  it('attaches to a VM and detaches', async () => {
    const { sim, connect, containerUuid } = await startLab()
    const prism = connect()
    const machines = await connectPlainly(sim)
    const vmUuid = await makeVm(machines)
    machines.close()
    const { uuid } = await prism.createVolumeGroup({
      name: 'vm',
      disks: [{ sizeBytes: GiB, storageContainerUuid: containerUuid }],
    })
    await prism.attachToVm(uuid, vmUuid)
    expect((await prism.volumeGroup(uuid)).attachments).toMatchObject([{ vmUuid }])
    await prism.detachFromVm(uuid, vmUuid)
    expect((await prism.volumeGroup(uuid)).attachments).toEqual([])
    await expect(prism.attachToVm(uuid, randomUUID())).rejects.toMatchObject({ code: 'EACSTASKFAILED' })
  })

  it('is waited for while the cluster denies that it exists', async () => {
    const { connect, containerUuid } = await startLab({ behaviour: { notFoundAfterCreateMs: 700 } })
    const prism = connect()
    const { uuid } = await prism.createVolumeGroup({
      name: 'late',
      disks: [{ sizeBytes: GiB, storageContainerUuid: containerUuid }],
    })
    await expect(prism.volumeGroup(uuid)).resolves.toMatchObject({ name: 'late' })
  })

  it('may not take a name twice', async () => {
    const { connect } = await startLab()
    const prism = connect()
    const { uuid } = await prism.createVolumeGroup({ name: 'web', disks: [] })
    await expect(prism.createVolumeGroup({ name: 'web', disks: [] })).rejects.toMatchObject({
      code: 'EACSEXISTS',
      kind: 'conflict',
      details: { uuid },
    })
  })

  it('is made once when creation is repeated under one uuid', async () => {
    const { connect } = await startLab()
    const prism = connect()
    const spec = { name: 'web', uuid: randomUUID(), disks: [] }
    await prism.createVolumeGroup(spec)
    expect(await prism.createVolumeGroup(spec)).toMatchObject({ uuid: spec.uuid })
    expect(await prism.volumeGroups()).toHaveLength(1)
  })

  it('says what Prism said when it cannot be made', async () => {
    const { connect, sim } = await startLab()
    sim.addFault({ kind: 'task-failure', message: 'No space left on the storage container' })
    await expect(connect().createVolumeGroup({ name: 'web', disks: [] })).rejects.toMatchObject({
      code: 'EACSTASKFAILED',
      message: expect.stringContaining('No space left on the storage container') as string,
      details: { taskUuid: expect.any(String) as string },
    })
  })

  it('is not waited for with wait: false', async () => {
    const { connect } = await startLab({ behaviour: { taskDurationMs: 300 } })
    const prism = connect()
    const { taskUuid = '' } = await prism.createVolumeGroup({ name: 'web', disks: [] }, { wait: false })
    expect(await prism.task(taskUuid)).toMatchObject({ uuid: taskUuid, entities: [{ type: 'VOLUME_GROUP' }] })
    expect(['queued', 'running']).toContain((await prism.task(taskUuid)).status)
    expect(await prism.waitForTask(taskUuid)).toMatchObject({ status: 'succeeded' })
  })
})

describe('scale', () => {
  it('lists thousands of groups quickly', async () => {
    const { connect } = await startLab()
    const prism = connect()
    await prism.cluster()
    const count = 1_000
    for (let start = 0; start < count; start += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          prism.createVolumeGroup({ name: `vol-${start + index}`, disks: [] }, { wait: false }),
        ),
      )
    await expect.poll(async () => (await prism.volumeGroups()).length, { timeout: 20_000 }).toBe(count)
  })
})
