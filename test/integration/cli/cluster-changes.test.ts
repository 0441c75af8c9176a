import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startClusterRig, type ClusterRig } from './cluster-rig.js'

let rig: ClusterRig
beforeAll(async () => {
  rig = await startClusterRig()
})
afterAll(() => rig.close())

describe('storage containers', () => {
  test('are made as the flags say', async () => {
    const flags = ['--compression-delay', '1h', '--deduplication', 'capacity', '--erasure-coding', '--advertised', '2T']
    const expected = {
      name: 'archive',
      compression: true,
      compressionDelaySeconds: 3600,
      deduplication: 'capacity',
      erasureCoding: true,
      advertisedBytes: 2 * 1024 ** 4,
      replicationFactor: 2,
    }
    const { stdout, stderr } = await rig.run('container', 'create', 'archive', ...flags)
    expect(stderr).toBe('Created storage container archive.\n')
    expect(stdout).toContain('1h')
    expect(await rig.json('container', 'show', 'archive')).toMatchObject(expected)
  })

  test('are changed in what is named, and keep the rest', async () => {
    await rig.json('container', 'create', 'docker', '--compression', '--reserved', '10G')
    await rig.json('container', 'update', 'docker', '--deduplication', 'cache', '--rename', 'podman')
    const changed = { compression: true, reservedBytes: 10 * 1024 ** 3, deduplication: 'cache', erasureCoding: false }
    expect(await rig.json('ctr', 'show', 'podman')).toMatchObject(changed)
    expect(await rig.json('container', 'update', 'podman', '--no-compression')).toMatchObject({
      ...changed,
      compression: false,
    })
    expect(await rig.failure('container', 'update', 'podman')).toMatchObject({ code: 'EACSUSAGE', exit: 2 })
    expect(
      await rig.failure('container', 'update', 'podman', '--no-compression', '--compression-delay', '1h'),
    ).toMatchObject({ code: 'EACSUSAGE', exit: 2 })
  })

  test('are deleted when they are empty and the name is given', async () => {
    await rig.json('container', 'create', 'full')
    const { uuid } = (await rig.prism.storageContainers()).find(({ name }) => name === 'full')!
    await rig.prism.createVolumeGroup({ name: 'in-it', disks: [{ sizeBytes: 2 ** 20, storageContainerUuid: uuid }] })
    expect(await rig.failure('container', 'delete', 'full')).toMatchObject({ exit: 2 })
    const refused = await rig.failure('container', 'delete', 'full', '--confirm', 'full')
    expect(refused).toMatchObject({ exit: 1, code: 'EACSPRISM' })
    expect(refused.message).toContain('holds virtual disks')
    await rig.json('volume', 'delete', 'in-it', '--confirm', 'in-it', '--foreign')
    expect(await rig.json('container', 'delete', 'full', '--confirm', 'full', '--dry-run')).toMatchObject({
      dryRun: true,
    })
    expect(await rig.json('ctr', 'rm', 'full', '--confirm', 'full')).toEqual({ name: 'full', uuid })
    expect(await rig.failure('container', 'show', 'full')).toMatchObject({ code: 'EACSNOCONTAINER', exit: 3 })
  })

  test('cannot have a name twice, nor copies the cluster has no nodes for', async () => {
    await rig.json('container', 'create', 'once')
    expect(await rig.failure('container', 'create', 'once')).toMatchObject({ code: 'EACSEXISTS', exit: 5 })
    const copies = await rig.failure('container', 'create', 'thrice', '--rf', '3')
    expect(copies).toMatchObject({ exit: 1 })
    expect(copies.message).toContain('Replication factor 3')
    expect(await rig.failure('container', 'create', 'none', '--rf', '4')).toMatchObject({ exit: 2 })
  })
})

describe('hosts, initiators and tasks', () => {
  test('a host is found by name, UUID and address', async () => {
    const [host] = await rig.prism.hosts()
    for (const way of [host!.name, host!.uuid, host!.hypervisorAddress!])
      expect(await rig.json('host', 'show', way)).toMatchObject({ uuid: host!.uuid })
    const unknown = await rig.failure('host', 'show', 'acs-sim-l')
    expect(unknown).toMatchObject({ code: 'EACSNOTFOUND', exit: 3 })
    expect(unknown.hints[0]).toMatch(/^Did you mean acs-sim-\d\?$/)
  })

  test('an initiator shows the volume groups it is let into', async () => {
    const initiator = 'iqn.1994-05.com.redhat:web1'
    const { uuid } = await rig.prism.createVolumeGroup({ name: 'db', disks: [] })
    await rig.prism.allowInitiator(uuid, { clientAddress: initiator })
    const shown = { address: initiator, chap: false, groups: ['db'] }
    expect(await rig.json('iscsi-client', 'show', initiator)).toMatchObject(shown)
    expect(await rig.json('iscsi-client', 'list')).toMatchObject([shown])
    await rig.prism.revokeInitiator(uuid, initiator)
    expect(await rig.json('iscsi-client', 'list')).toMatchObject([{ ...shown, groups: [] }])
    expect(await rig.failure('iscsi-client', 'show', 'iqn.x:none')).toMatchObject({ code: 'EACSNOTFOUND', exit: 3 })
  })

  test('a task is cancelled while it runs', async () => {
    rig.simulator.behaviour.taskDurationMs = 60_000
    const { taskUuid } = await rig.prism.createVolumeGroup({ name: 'slow', disks: [] }, { wait: false })
    rig.simulator.behaviour.taskDurationMs = 0
    expect(await rig.json('task', 'cancel', taskUuid!)).toMatchObject({ uuid: taskUuid, status: 'aborted' })
    expect(await rig.failure('task', 'cancel', '00000000-0000-4000-8000-000000000000')).toMatchObject({ exit: 3 })
  })
})
