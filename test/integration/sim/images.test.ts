import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { requirement } from '../../requirements.js'
import { serve, type FileServer } from './file-server.js'
import { defaultContainer, startRig, type Rig } from './sim-client.js'
import type { WireBody } from './wire.js'

const mib = 1024 ** 2
/** Data, a hole, and an end that is no whole block. */
const content = Buffer.concat([randomBytes(70_000), Buffer.alloc(3 * mib), randomBytes(100)])
const sha256 = createHash('sha256').update(content).digest('hex')
const sha1 = createHash('sha1').update(content).digest('hex')

let rig: Rig
let container: string
let files: FileServer
let requests = 0
const served = new Map<string, Buffer>([['/disk.raw', content]])

beforeAll(async () => {
  rig = await startRig({ containerCapacityBytes: 64 * mib })
  container = await defaultContainer(rig.client)
  files = await serve((request, response) => {
    requests += 1
    const path = request.url ?? ''
    if (path === '/never') {
      response.write('begins')
      return
    }
    if (path === '/half') {
      response.writeHead(200, { 'Content-Length': '1000' })
      response.write('begins', () => response.destroy())
      return
    }
    const body = served.get(path)
    response.writeHead(body ? 200 : 404).end(body)
  })
})

afterEach(() => {
  rig.simulator.behaviour.taskDurationMs = 0
})

afterAll(async () => {
  await files.close()
  await rig.close()
})

function create(path: string, more: object = {}, spec: object = {}): Promise<WireBody> {
  const image_import_spec = { url: files.url(path), storage_container_uuid: container, ...spec }
  return rig.client.done(
    rig.client.post('/images/', { name: path || 'other', image_type: 'disk_image', image_import_spec, ...more }),
  )
}

function imageFile(image: WireBody): string {
  return join(rig.folder, 'disks', `${image.vm_disk_id}.raw`)
}

async function diskFiles(): Promise<string[]> {
  return readdir(join(rig.folder, 'disks'))
}

describe('images', () => {
  it.each([
    ['SHA_256', sha256],
    ['sha_1', sha1],
  ])('are downloaded and their %s is checked', async (checksum_type, checksum) => {
    const task = await create('/disk.raw', { annotation: 'a test' }, { checksum_type, checksum })
    expect(task).toMatchObject({ operation_type: 'ImageCreate', progress_status: 'Succeeded' })
    expect(task.entity_list).toMatchObject([{ entity_type: 'IMAGE' }])
    const at = `/images/${task.entity_list[0]!.entity_id}`
    expect((await rig.client.get(at)).body).not.toHaveProperty('vm_disk_size')
    const { body } = await rig.client.get(`${at}?include_vm_disk_sizes=true&include_vm_disk_paths=true`)
    const size = Math.ceil(content.length / 512) * 512
    expect(body).toMatchObject({
      name: '/disk.raw',
      annotation: 'a test',
      image_state: 'ACTIVE',
      image_type: 'DISK_IMAGE',
      vm_disk_size: size,
      storage_container_uuid: container,
      checksum,
      checksum_type: checksum_type.toUpperCase(),
    })
    expect(body.vm_disk_path).toMatch(new RegExp(`^/default-container-\\d+/\\.acropolis/vmdisk/${body.vm_disk_id}$`))
    const stored = await readFile(imageFile(body))
    expect(stored.subarray(0, content.length).equals(content)).toBe(true)
    expect(stored.length).toBe(size)
    expect((await stat(imageFile(body))).blocks * 512).toBeLessThan(mib)
    expect((await rig.client.done(rig.client.delete(at))).progress_status).toBe('Succeeded')
    expect((await rig.client.get(at)).status).toBe(404)
    // The file goes after the record, and after the task has ended.
    await expect.poll(diskFiles).toEqual([])
  })

  it('are inactive until they are there', async () => {
    rig.simulator.behaviour.taskDurationMs = 20_000
    const image_import_spec = { url: files.url('/disk.raw'), storage_container_uuid: container }
    const { body } = await rig.client.post('/images', { name: 'slow', image_import_spec })
    const { entities } = (await rig.client.get('/images/')).body
    expect(entities).toMatchObject([{ name: 'slow', image_state: 'INACTIVE' }])
    expect(entities[0]).not.toHaveProperty('vm_disk_id')
    expect((await rig.client.get(`/images/${entities[0]!.uuid}`)).body.image_state).toBe('INACTIVE')
    expect((await rig.client.delete(`/images/${entities[0]!.uuid}`)).status).toBe(500)
    await rig.client.put('/tasks/cancel', [body.task_uuid])
    await rig.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
    expect((await rig.client.get('/images')).body.entities).toEqual([])
  })

  it.each([
    ['a server without it', () => create('/missing'), /HTTP 404/],
    ['a connection that breaks', () => create('/half'), /Failed to download image from .*\/half/],
    ['nobody there', () => create('', {}, { url: 'http://127.0.0.1:1/x' }), /Failed to download/],
    ['another checksum', () => create('/disk.raw', {}, { checksum: 'a'.repeat(64) }), /Checksum mismatch/],
    ['a file: URL', () => create('', {}, { url: 'file:///etc/passwd' }), /http and https only/],
    ['an nfs: URL', () => create('', {}, { url: 'nfs://host/share/x' }), /http and https only/],
    ['no URL at all', () => create('', {}, { url: 'disk.raw' }), /cannot be read/],
  ])('fail for %s, and leave nothing', async (_what, act, expected) => {
    const task = await act()
    expect(task.progress_status).toBe('Failed')
    expect(task.meta_response.error_detail).toMatch(expected)
    expect((await rig.client.get('/images')).body.entities).toEqual([])
    expect(await diskFiles()).toEqual([])
  })

  it('fail when the container has no room for them', async () => {
    served.set('/large', Buffer.alloc(65 * mib, 1))
    const task = await create('/large')
    expect(task.meta_response.error_detail).toMatch(/NO_SPACE/)
    served.delete('/large')
    expect(await diskFiles()).toEqual([])
  })

  it('keep the password of a URL out of what they say', async () => {
    const task = await create('', {}, { url: files.url('/missing').replace('//', '//me:swordfish@') })
    expect(task.meta_response.error_detail).toContain('HTTP 404')
    expect(JSON.stringify(task)).not.toContain('swordfish')
  })

  it('can be cancelled in the middle of a download', async () => {
    const image_import_spec = { url: files.url('/never'), storage_container_uuid: container }
    const before = requests
    const { body } = await rig.client.post('/images', { name: 'never', image_import_spec })
    await expect.poll(() => requests).toBeGreaterThan(before)
    await rig.client.put('/tasks/cancel', [body.task_uuid])
    const poll = await rig.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
    expect(poll.body.completed_tasks_info[0]).toMatchObject({ progress_status: 'Aborted' })
    expect(await diskFiles()).toEqual([])
  })

  it('refuse what makes no sense', async () => {
    const image_import_spec = { url: files.url('/disk.raw'), storage_container_uuid: container }
    for (const body of [
      { image_import_spec },
      { name: 'x' },
      { name: 'x', image_import_spec: { ...image_import_spec, storage_container_uuid: 'none' } },
      { name: 'x', vm_disk_clone_spec: { disk_address: { vmdisk_uuid: 'none' } } },
    ])
      expect((await rig.client.post('/images', body)).status).toBe(500)
    for (const spec of [{ checksum: 'abc' }, { checksum: sha1, checksum_type: 'SHA_256' }, { url: null }])
      expect(
        (await rig.client.post('/images', { name: 'x', image_import_spec: { ...image_import_spec, ...spec } })).status,
      ).toBe(400)
  })

  it('are cloned from a disk, changed, and there after a restart, which goes on with a download', async () => {
    const group = await rig.client.done(
      rig.client.post('/volume_groups', {
        name: 'source',
        disk_list: [{ create_config: { size: mib, storage_container_uuid: container } }],
      }),
    )
    const { disk_list } = (await rig.client.get(`/volume_groups/${group.entity_list[0]!.entity_id}`)).body
    const task = await rig.client.done(
      rig.client.post('/images', {
        name: 'copy',
        vm_disk_clone_spec: { disk_address: { vmdisk_uuid: disk_list[0]!.vmdisk_uuid } },
      }),
    )
    const at = `/images/${task.entity_list[0]!.entity_id}`
    const changed = await rig.client.done(
      rig.client.put(at, { name: 'renamed', image_type: 'ISO_IMAGE', logical_timestamp: 1 }),
    )
    expect(changed).toMatchObject({ operation_type: 'ImageUpdate', progress_status: 'Succeeded' })
    expect((await rig.client.put(at, { name: 'again', logical_timestamp: 1 })).status).toBe(500)
    rig.simulator.behaviour.taskDurationMs = 20_000
    const image_import_spec = { url: files.url('/disk.raw'), storage_container_uuid: container }
    const { body } = await rig.client.post('/images', { name: 'cut short', image_import_spec })
    await rig.restart()
    await rig.client.post('/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 10 })
    const { entities } = (await rig.client.get('/images?include_vm_disk_sizes=true')).body
    expect(entities).toMatchObject([
      { name: 'renamed', image_type: 'ISO_IMAGE', logical_timestamp: 2, vm_disk_size: mib },
      { name: 'cut short', image_state: 'ACTIVE' },
    ])
  })
})

describe.skipIf(!requirement('qcow2 images', [{ tool: 'qemu-img' }]))('qcow2 images', () => {
  it('are converted; those that lean on other files are refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acs-qcow2-'))
    try {
      const raw = join(folder, 'raw')
      const qcow2 = join(folder, 'qcow2')
      const leaning = join(folder, 'leaning')
      await writeFile(raw, content)
      execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2])
      execFileSync('qemu-img', ['create', '-f', 'qcow2', '-b', qcow2, '-F', 'qcow2', leaning])
      served.set('/qcow2', await readFile(qcow2))
      served.set('/leaning', await readFile(leaning))
    } finally {
      await rm(folder, { recursive: true })
    }
    const task = await create('/qcow2')
    expect(task).toMatchObject({ progress_status: 'Succeeded' })
    const image = (await rig.client.get(`/images/${task.entity_list[0]!.entity_id}`)).body
    const stored = await readFile(imageFile(image))
    expect(stored.subarray(0, content.length).equals(content)).toBe(true)
    const refused = await create('/leaning')
    expect(refused.meta_response.error_detail).toContain('refers to other files')
  })
})
