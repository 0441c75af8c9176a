import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { recordingFile } from '../../contract/run-contract.js'
import { requirement } from '../../requirements.js'
import { startSimulator } from '../../simulator.js'
import { bootableDisk } from './boot-sector.js'
import { serve, type FileServer } from './file-server.js'
import { connect, makeVm, readVm, startRig, type Rig } from './sim-client.js'
import type { WireBody } from './wire.js'

const exec = promisify(execFile)
const needs = ['qemu-system-x86_64', 'qemu-img', 'genisoimage', 'dnsmasq', 'ip', 'nsenter'].map((tool) => ({ tool }))
/** Nobody else's on this machine. */
const subnet = '10.215.77.0/24'
const services = '10.215.77.1'

describe.skipIf(!requirement('machines that boot', ['root', ...needs]))('machines that boot', () => {
  let rig: Rig
  let files: FileServer
  let network: string
  let image: string

  beforeAll(async () => {
    const disks = new Map([['/hello', bootableDisk('hello from the disk')]])
    files = await serve((request, response) => void response.end(disks.get(request.url ?? '')))
    rig = await startRig({ hypervisor: 'qemu', subnet, iscsi: `${services}:0` })
    const { body } = await rig.client.get('/networks/')
    network = body.entities[0]!.uuid
    image = (await makeImage('hello')).disk
  })
  afterAll(async () => {
    await rig.close()
    await files.close()
    expect(await devices()).not.toContain(`${services}/24`)
  })
  afterEach(async () => {
    for (const { uuid } of (await rig.client.get('/vms/')).body.entities) {
      await power(uuid, 'OFF')
      const task = await rig.client.done(rig.client.delete(`/vms/${uuid}`))
      expect(task.progress_status).toBe('Succeeded')
    }
    expect(await processes()).toEqual([])
  })

  async function makeImage(name: string): Promise<{ uuid: string; disk: string }> {
    const image_import_spec = { url: files.url(`/${name}`) }
    const task = await rig.client.done(
      rig.client.post('/images/', { name, image_type: 'DISK_IMAGE', image_import_spec }),
    )
    const uuid = task.entity_list[0]!.entity_id
    const { body } = await rig.client.get(`/images/${uuid}`)
    return { uuid, disk: body.vm_disk_id }
  }

  async function make(more: object = {}): Promise<string> {
    return makeVm(rig.client, {
      memory_mb: 32,
      vm_disks: [{ vm_disk_clone: { disk_address: { vmdisk_uuid: image } } }],
      vm_nics: [{ network_uuid: network }],
      ...more,
    })
  }

  async function power(uuid: string, transition: string): Promise<WireBody> {
    return rig.client.done(rig.client.post(`/vms/${uuid}/set_power_state/`, { transition }))
  }

  async function stateOf(uuid: string): Promise<string> {
    return (await readVm(rig.client, uuid)).power_state
  }

  async function consoleOf(uuid: string): Promise<string> {
    return (await rig.client.get(`/sim/v1/vms/${uuid}/console_log`)).body.text
  }

  /** Of the simulator's machines, by their folder. */
  async function processes(folder = rig.folder): Promise<number[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const found = await Promise.all(
      pids.map(async (pid) => {
        const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
        return words.startsWith('qemu-system-x86_64') && words.includes(folder) ? [Number(pid)] : []
      }),
    )
    return found.flat()
  }

  it('run what their disk holds, and tell what they write to their console', async () => {
    const uuid = await make()
    expect(await power(uuid, 'ON')).toMatchObject({ progress_status: 'Succeeded' })
    await expect.poll(() => consoleOf(uuid), { timeout: 20_000 }).toContain('hello from the disk')
    expect(await stateOf(uuid)).toBe('on')
    expect((await rig.client.get(`/sim/v1/vms/${uuid}/console_log?offset=6`)).body.text).toMatch(/^from the disk/)
  })

  it('have disks that keep only what differs from their image, and outlive it', async () => {
    const content = await makeImage('hello')
    const uuid = await make({ vm_disks: [{ vm_disk_clone: { disk_address: { vmdisk_uuid: content.disk } } }] })
    const { vm_disk_info } = await readVm(rig.client, uuid)
    const disk = vm_disk_info[0]!.disk_address.vmdisk_uuid ?? ''
    const names = (await readdir(join(rig.folder, 'disks'))).filter((name) => name.startsWith(disk))
    expect(names.sort()).toEqual([`${disk}.base`, `${disk}.qcow2`])
    await rig.client.done(rig.client.delete(`/images/${content.uuid}`))
    await power(uuid, 'ON')
    await expect.poll(() => consoleOf(uuid), { timeout: 20_000 }).toContain('hello from the disk')
  })

  it('are off when their process has ended, and when the power was cut', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    const [pid = 0] = await processes()
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => stateOf(uuid)).toBe('off')
    await power(uuid, 'ON')
    expect(await processes()).toHaveLength(1)
    await power(uuid, 'OFF')
    expect(await processes()).toEqual([])
    expect(await stateOf(uuid)).toBe('off')
  })

  it('pause, and suspend to a file from which they go on', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    await expect.poll(() => consoleOf(uuid), { timeout: 20_000 }).toContain('hello')
    await power(uuid, 'PAUSE')
    expect(await stateOf(uuid)).toBe('paused')
    await power(uuid, 'RESUME')
    await power(uuid, 'SUSPEND')
    expect([await stateOf(uuid), await processes()]).toEqual(['suspended', []])
    expect(await power(uuid, 'RESUME')).toMatchObject({ progress_status: 'Succeeded' })
    expect(await stateOf(uuid)).toBe('on')
    // It did not boot again.
    expect((await consoleOf(uuid)).match(/hello/g)).toHaveLength(1)
    await power(uuid, 'RESET')
    await expect.poll(async () => (await consoleOf(uuid)).match(/hello/g), { timeout: 20_000 }).toHaveLength(2)
  })

  it('are asked to shut down, and stay on as long as the guest does not', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    expect(await power(uuid, 'ACPI_SHUTDOWN')).toMatchObject({ progress_status: 'Succeeded' })
    expect(await stateOf(uuid)).toBe('on')
  })

  it('get disks, volume groups and interfaces while they run, and give them back', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    const made = await rig.client.done(
      rig.client.post('/volume_groups', {
        name: 'hot',
        disk_list: [{ create_config: { size: 1024 ** 2, storage_container_uuid: await containerOf() } }],
      }),
    )
    const group = made.entity_list[0]!.entity_id
    const attach = { vm_uuid: uuid, operation: 'ATTACH' }
    expect(await rig.client.done(rig.client.post(`/volume_groups/${group}/attach`, attach))).toMatchObject({
      progress_status: 'Succeeded',
    })
    // Through the target: the hypervisor is an initiator as every other.
    await expect.poll(() => rig.simulator.state().iscsiSessions).toBe(1)
    const detach = { vm_uuid: uuid, operation: 'DETACH' }
    await rig.client.done(rig.client.post(`/volume_groups/${group}/detach`, detach))
    await expect.poll(() => rig.simulator.state().iscsiSessions).toBe(0)
    const disk = { vm_disk_create: { size: 1024 ** 2, storage_container_uuid: await containerOf() } }
    const added = await rig.client.done(rig.client.post(`/vms/${uuid}/disks/attach`, { vm_disks: [disk] }))
    expect(added.progress_status).toBe('Succeeded')
    const { vm_disk_info } = await readVm(rig.client, uuid)
    const { disk_address } = vm_disk_info[1]!
    const removed = rig.client.post(`/vms/${uuid}/disks/detach`, { vm_disks: [{ disk_address }] })
    expect(await rig.client.done(removed)).toMatchObject({ progress_status: 'Succeeded' })
    await rig.client.done(rig.client.delete(`/volume_groups/${group}`))
  })

  it('are copied while they stand still for it', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    const task = await rig.client.done(rig.client.post(`/vms/${uuid}/clone`, { spec_list: [{ name: 'twin' }] }))
    expect(task.progress_status).toBe('Succeeded')
    expect(await stateOf(uuid)).toBe('on')
    const twin = task.entity_list[0]!.entity_id
    await power(twin, 'ON')
    await expect.poll(() => consoleOf(twin), { timeout: 20_000 }).toContain('hello from the disk')
  })

  it('find cloud-init data on a config drive', async () => {
    const userdata = '#cloud-config\nhostname: first\n'
    const uuid = await make({
      name: 'first',
      vm_customization_config: { userdata, datasource_type: 'CONFIG_DRIVE_V2' },
    })
    await power(uuid, 'ON')
    const { vm_disk_info } = await readVm(rig.client, uuid)
    const drive = vm_disk_info.find(({ is_cdrom }) => is_cdrom)!
    const iso = join(rig.folder, 'disks', `${drive.disk_address.vmdisk_uuid}.raw`)
    const { stdout: label } = await exec('blkid', ['--match-tag', 'LABEL', '--output', 'value', iso])
    expect(label.trim()).toBe('config-2')
    const content = await readFile(iso, 'latin1')
    expect(content).toContain(userdata)
    expect(content).toContain(`"uuid":"${uuid}"`)
  })

  it('have the address that the cluster tells, by DHCP', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    const { vm_nics } = await readVm(rig.client, uuid)
    const folder = join(rig.folder, 'machines')
    const hosts = (await readdir(folder)).find((name) => name.endsWith('.hosts')) ?? ''
    expect(await readFile(join(folder, hosts), 'utf8')).toBe(`${vm_nics[0]!.mac_address},${vm_nics[0]!.ip_address}\n`)
    expect(await devices()).toContain(`${services}/24`)
  })

  it('end with the simulator, and boot again with it', async () => {
    const uuid = await make()
    await power(uuid, 'ON')
    const before = await processes()
    await rig.restart()
    expect(await processes()).toHaveLength(1)
    expect(await processes()).not.toEqual(before)
    expect(await stateOf(uuid)).toBe('on')
  })

  it('outlive a simulator that is killed, and are taken up by the next', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acs-sim-test-'))
    const options = { hypervisor: 'qemu' as const, subnet: '10.215.78.0/24', iscsi: '10.215.78.1:0' }
    const program = join(import.meta.dirname, 'simulator-process.ts')
    const argv = ['--import', 'tsx', program, folder, '0', recordingFile(), JSON.stringify(options)]
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const client = await connect(JSON.parse(line) as Parameters<typeof connect>[0])
    const uuid = await makeVm(client, { memory_mb: 32 })
    await client.done(client.post(`/vms/${uuid}/set_power_state/`, { transition: 'ON' }))
    client.close()
    const before = await processes(folder)
    expect(before).toHaveLength(1)
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    const next = await startSimulator({ dataFolder: folder, ...options })
    const again = await connect(next)
    expect(await processes(folder)).toEqual(before)
    await again.done(again.post(`/vms/${uuid}/set_power_state/`, { transition: 'PAUSE' }))
    expect((await readVm(again, uuid)).power_state).toBe('paused')
    again.close()
    await next.close()
    expect(await processes(folder)).toEqual([])
    await rm(folder, { recursive: true, force: true })
  })

  async function devices(): Promise<string> {
    return (await exec('ip', ['-brief', 'address'])).stdout
  }

  async function containerOf(): Promise<string> {
    const { body } = await rig.client.get('/storage_containers/?search_string=default-container')
    return body.entities[0]!.storage_container_uuid
  }
})
