import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Simulator } from '../../../src/lib/sim/simulator.js'
import { judgedRoutes, recordingFile } from '../../contract/run-contract.js'
import { startSimulator } from '../../simulator.js'
import { specsPresent } from '../../specs.js'
import { serve } from './file-server.js'
import { connect, defaultContainer, makeVm, type SimClient } from './sim-client.js'

let folder: string
let child: ChildProcess | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-sim-crash-'))
})

afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

async function startProcess(taskMs = 0): Promise<SimClient> {
  const started = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'simulator-process.ts'), folder, String(taskMs), recordingFile()],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  child = started
  const [line] = (await once(createInterface(started.stdout), 'line')) as [string]
  return connect(JSON.parse(line) as Parameters<typeof connect>[0])
}

async function kill(): Promise<void> {
  const ended = once(child!, 'exit')
  child!.kill('SIGKILL')
  await ended
  child = undefined
}

async function startHere(): Promise<{ simulator: Simulator; client: SimClient }> {
  const simulator = await startSimulator({ dataFolder: folder })
  return { simulator, client: await connect(simulator) }
}

describe('kill -9', () => {
  it('takes back nothing that was acknowledged', async () => {
    const acknowledged = new Map<string, { timestamp: number; description: string }>()
    const deleted = new Set<string>()
    for (let round = 0; round < 3; round += 1) {
      const client = await startProcess()
      const disk_list = [{ create_config: { size: 1048576, storage_container_uuid: await defaultContainer(client) } }]
      const writer = async (name: string): Promise<void> => {
        for (let step = 0; ; step += 1) {
          const task = await client.done(client.post('/volume_groups', { name: `${name}-${step}`, disk_list }))
          const uuid = task.entity_list[0]!.entity_id
          acknowledged.set(uuid, { timestamp: 2, description: '' })
          const description = `changed in ${name}`
          const put = await client.put(`/volume_groups/${uuid}`, { logical_timestamp: 2, description })
          if (put.status === 200) acknowledged.set(uuid, { timestamp: 3, description })
          if (step % 5 !== 4) continue
          const answer = client.delete(`/volume_groups/${uuid}`)
          // From here on it may be gone; once the task has ended it must be.
          acknowledged.delete(uuid)
          await client.done(answer)
          deleted.add(uuid)
        }
      }
      const writers = Array.from({ length: 8 }, (_, at) => writer(`${round}-${at}`).catch(() => undefined))
      await new Promise((resolve) => setTimeout(resolve, 400 + 150 * round))
      await kill()
      await Promise.all(writers)
      client.close()
    }
    expect(acknowledged.size).toBeGreaterThan(50)
    if (specsPresent()) expect(judgedRoutes()).toContain('POST v2.0 /volume_groups')
    const { simulator, client } = await startHere()
    try {
      const { body } = await client.get('/volume_groups')
      const found = new Map(body.entities.map((group) => [group.uuid, group]))
      for (const [uuid, { timestamp, description }] of acknowledged) {
        expect(found.get(uuid)?.logical_timestamp ?? 0, uuid).toBeGreaterThanOrEqual(timestamp)
        if (timestamp === 3) expect(found.get(uuid)?.description).toBe(description)
      }
      for (const uuid of deleted) expect(found.has(uuid)).toBe(false)
      await expectNoStrayFiles(client)
    } finally {
      client.close()
      await simulator.close()
    }
  })

  it('lets a task that was running go on at the next start', async () => {
    const client = await startProcess(60_000)
    const disk_list = [{ create_config: { size: 1048576, storage_container_uuid: await defaultContainer(client) } }]
    const { body } = await client.post('/volume_groups', { name: 'cut-short', disk_list })
    await kill()
    client.close()
    const again = await startHere()
    try {
      const poll = await again.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
      expect(poll.body.completed_tasks_info[0]).toMatchObject({ progress_status: 'Succeeded' })
      const groups = (await again.client.get('/volume_groups')).body.entities
      expect(groups.map(({ name }) => name)).toEqual(['cut-short'])
      await expectNoStrayFiles(again.client)
    } finally {
      again.client.close()
      await again.simulator.close()
    }
  })

  it('in the middle of a download, of machines and of snapshots: all go on', async () => {
    let requests = 0
    const files = await serve((_request, response) => {
      requests += 1
      response.write('the first half')
      if (requests > 1) response.end(' and the second')
    })
    const client = await startProcess()
    const container = await defaultContainer(client)
    const vm_disks = [{ vm_disk_create: { size: 1048576, storage_container_uuid: container } }]
    const vm = await makeVm(client, { vm_disks })
    const image_import_spec = { url: files.url('/image'), storage_container_uuid: container }
    const image = await client.post('/images', { name: 'halved', image_import_spec })
    await expect.poll(() => requests).toBe(1)
    await client.put('/sim/v1/behaviour', { taskDurationMs: 60_000 })
    const made = await client.post('/vms', { name: 'made', memory_mb: 1024, num_vcpus: 1, vm_disks })
    const cloned = await client.post(`/vms/${vm}/clone`, { spec_list: [{ name: 'cloned' }] })
    const taken = await client.post('/snapshots', { snapshot_specs: [{ vm_uuid: vm }] })
    const started = await client.post(`/vms/${vm}/set_power_state`, { transition: 'ON' })
    await kill()
    client.close()
    const again = await startHere()
    try {
      for (const { body } of [image, made, cloned, taken, started]) {
        const poll = await again.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
        expect(poll.body.completed_tasks_info[0]).toMatchObject({ progress_status: 'Succeeded' })
      }
      const vms = (await again.client.get('/vms')).body.entities
      expect(vms.map(({ name, power_state }) => `${name} ${power_state}`).sort()).toEqual([
        'cloned off',
        'machine on',
        'made off',
      ])
      expect((await again.client.get('/images')).body.entities).toMatchObject([{ image_state: 'ACTIVE' }])
      await expectNoStrayFiles(again.client)
    } finally {
      again.client.close()
      await again.simulator.close()
      await files.close()
    }
  })
})

/** One file for each disk, and none besides. */
async function expectNoStrayFiles(client: SimClient): Promise<void> {
  const groups = (await client.get('/volume_groups')).body.entities
  const vms = (await client.get('/vms?include_vm_disk_config=true')).body.entities
  const images = (await client.get('/images')).body.entities
  const snapshots = (await client.get('/snapshots')).body.entities
  const uuids = [
    ...groups.flatMap(({ disk_list }) => disk_list.map(({ vmdisk_uuid }) => vmdisk_uuid)),
    ...vms.flatMap(({ vm_disk_info }) => vm_disk_info.flatMap(({ disk_address }) => disk_address.vmdisk_uuid ?? [])),
    ...images.map(({ vm_disk_id }) => vm_disk_id),
    ...snapshots.flatMap(({ vm_create_spec }) =>
      vm_create_spec.vm_disks.flatMap(({ vm_disk_clone }) => vm_disk_clone?.disk_address.vmdisk_uuid ?? []),
    ),
  ]
  expect((await readdir(join(folder, 'disks'))).sort()).toEqual(uuids.map((uuid) => `${uuid}.raw`).sort())
}
