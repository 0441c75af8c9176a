import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startClusterRig, type ClusterRig } from './cluster-rig.js'

const folder = mkdtempSync(join(tmpdir(), 'acs-vm-commands-'))
const gib = 1024 ** 3
let rig: ClusterRig

beforeAll(async () => {
  rig = await startClusterRig()
  const image = join(folder, 'disk.img')
  writeFileSync(image, Buffer.alloc(2 * 1024 ** 2, 'acs'))
  await rig.json('image', 'create', 'debian', '--file', image)
  await rig.json('image', 'create', 'debian-iso', '--file', image, '--iso')
  const pool = ['--gateway', '10.1.1.1', '--pool', '10.1.1.10-10.1.1.200']
  await rig.json('network', 'create', 'web', '--vlan', '10', '--subnet', '10.1.1.0/24', ...pool)
  await rig.json('network', 'create', 'storage', '--vlan', '133')
}, 60_000)
afterAll(async () => {
  await rig.close()
  rmSync(folder, { recursive: true })
})

const small = ['--memory', '1G', '--image', 'debian', '--network', 'web']

describe('machines', () => {
  test('are made with all that is named, started, and have an address', async () => {
    const [made] = (await rig.json(
      ...['vm', 'create', 'shop', ...small, '--network', 'storage', '--vcpus', '2', '--disk-size', '1G'],
      ...['--disk', '2G', '--cdrom', 'debian-iso', '--description', 'the shop', '--start'],
    )) as Record<string, unknown>[]
    expect(made).toMatchObject({
      name: 'shop',
      state: 'on',
      vcpus: 2,
      memoryBytes: gib,
      diskBytes: 3 * gib,
      description: 'the shop',
    })
    expect(made?.addresses).toHaveLength(1)
    expect(made?.macAddresses).toHaveLength(2)
    expect(await rig.json('vm', 'show', 'shop')).toEqual(made)
    const ip = await rig.run('vm', 'ip', 'shop')
    expect(ip.stdout).toMatch(/^10\.1\.1\.\d+\n$/)
  })

  test('are made ten at once, and stopped, started and deleted by range and pattern', async () => {
    const made = await rig.json('vm', 'create', 'web[01..10]', ...small, '--start')
    expect(made).toHaveLength(10)
    expect(await rig.json('vm', 'list', '--filter', 'name~web', '--filter', 'state=on')).toHaveLength(10)
    expect(await rig.json('vm', 'stop', 'web[01..03]', '--force')).toMatchObject([
      { name: 'web01', state: 'off' },
      { name: 'web02', state: 'off' },
      { name: 'web03', state: 'off' },
    ])
    expect(await rig.json('vm', 'suspend', 'web04')).toMatchObject([{ state: 'suspended' }])
    expect(await rig.json('vm', 'resume', 'web04')).toMatchObject([{ state: 'on' }])
    expect(await rig.failure('vm', 'delete', 'web*', '--yes')).toMatchObject({ code: 'EACSPOWERSTATE', exit: 5 })
    expect(await rig.json('vm', 'delete', 'web*', '--force', '--yes')).toHaveLength(10)
    expect(await rig.json('vm', 'list', '--filter', 'name~web')).toEqual([])
  })

  test('some of which cannot be started are told one by one, and the others run', async () => {
    await rig.json('vm', 'create', 'small1', '--memory', '1G')
    await rig.json('vm', 'create', 'large1', '--memory', '1T')
    const partly = await rig.run('vm', 'start', 'small1', 'large1', '--json')
    expect(partly.code).toBe(7)
    const { error } = JSON.parse(partly.stdout) as { error: { code: string; details: Record<string, unknown> } }
    expect(error).toMatchObject({ code: 'EACSPARTIAL', details: { done: ['small1'] } })
    expect(error.details.failed).toMatchObject([{ name: 'large1', code: 'EACSNORESOURCES' }])
    expect(await rig.json('vm', 'show', 'small1')).toMatchObject({ state: 'on' })
    expect(await rig.failure('vm', 'start', 'large1')).toMatchObject({ code: 'EACSNORESOURCES', exit: 1 })
  })

  test('change, and are cloned', async () => {
    await rig.json('vm', 'create', 'golden', ...small)
    expect(await rig.json('vm', 'update', 'golden', '--memory', '2G', '--rename', 'golden-2')).toMatchObject({
      name: 'golden-2',
      memoryBytes: 2 * gib,
    })
    expect(await rig.failure('vm', 'update', 'golden-2')).toMatchObject({ code: 'EACSUSAGE', exit: 2 })
    const clones = await rig.json('vm', 'clone', 'golden-2', 'copy[1..2]', '--vcpus', '4')
    expect(clones).toMatchObject([
      { name: 'copy1', vcpus: 4, memoryBytes: 2 * gib },
      { name: 'copy2', vcpus: 4 },
    ])
  })

  test('get disks and interfaces, and lose them', async () => {
    await rig.json('vm', 'create', 'parts', ...small)
    expect(await rig.json('vm', 'disk', 'add', 'parts', '--size', '1G')).toMatchObject({
      diskBytes: gib + 2 * 1024 ** 2,
    })
    expect(await rig.json('vm', 'disk', 'resize', 'parts', 'scsi.1', '2G')).toMatchObject({
      diskBytes: 2 * gib + 2 * 1024 ** 2,
    })
    expect(await rig.failure('vm', 'disk', 'resize', 'parts', 'scsi.1', '1G')).toMatchObject({
      code: 'EACSSIZE',
      exit: 2,
    })
    expect(await rig.failure('vm', 'disk', 'remove', 'parts', 'scsi.7', '--confirm', 'parts')).toMatchObject({
      exit: 3,
    })
    expect(await rig.json('vm', 'disk', 'remove', 'parts', 'scsi.1', '--confirm', 'parts')).toMatchObject({
      diskBytes: 2 * 1024 ** 2,
    })
    const more = (await rig.json('vm', 'nic', 'add', 'parts', 'web=10.1.1.150')) as { macAddresses: string[] }
    expect(more).toMatchObject({ addresses: expect.arrayContaining(['10.1.1.150']) as unknown })
    expect(await rig.json('vm', 'nic', 'remove', 'parts', more.macAddresses[1]!)).toMatchObject({
      macAddresses: [more.macAddresses[0]],
    })
  })

  test('go back to a snapshot', async () => {
    await rig.json('vm', 'create', 'risky', ...small)
    expect(await rig.json('vm', 'snapshot', 'create', 'risky', 'before')).toMatchObject({ name: 'before', vm: 'risky' })
    await rig.json('vm', 'disk', 'add', 'risky', '--size', '1G')
    expect(await rig.json('vm', 'snapshot', 'restore', 'risky', 'before', '--confirm', 'risky')).toMatchObject({
      diskBytes: 2 * 1024 ** 2,
    })
    expect(await rig.json('vm', 'snapshot', 'list')).toMatchObject([{ name: 'before', vm: 'risky' }])
    await rig.json('vm', 'snapshot', 'delete', 'risky', 'before', '--confirm', 'before')
    expect(await rig.json('vm', 'snapshot', 'list', 'risky')).toEqual([])
  })

  test('have a volume through the hypervisor, which nobody else has meanwhile', async () => {
    await rig.json('vm', 'create', 'dbhost', '--memory', '1G')
    await rig.json('volume', 'create', 'db', '--size', '64M')
    expect(await rig.json('vm', 'attach-volume', 'dbhost', 'db')).toMatchObject({ name: 'dbhost' })
    expect(await rig.json('volume', 'show', 'db')).toMatchObject({ state: 'vm' })
    expect(await rig.failure('vm', 'attach-volume', 'dbhost', 'db')).toMatchObject({ code: 'EACSINUSE', exit: 5 })
    const refused = await rig.failure('vm', 'delete', 'dbhost', '--confirm', 'dbhost')
    expect(refused).toMatchObject({ code: 'EACSVMHASVOLUMES', exit: 5 })
    expect(refused.hints.join('\n')).toContain('acs vm detach-volume dbhost')
    await rig.json('vm', 'detach-volume', 'dbhost', 'db')
    expect(await rig.json('volume', 'show', 'db')).toMatchObject({ state: 'free' })
    await rig.prism.allowInitiator((await rig.prism.volumeGroups()).find(({ name }) => name === 'db')!.uuid, {
      clientAddress: 'iqn.1994-05.com.redhat:web1',
    })
    expect(await rig.failure('vm', 'attach-volume', 'dbhost', 'db')).toMatchObject({ code: 'EACSINUSE', exit: 5 })
    expect(await rig.json('vm', 'delete', 'dbhost', '--confirm', 'dbhost')).toMatchObject([{ name: 'dbhost' }])
  })
})

describe('what is wrong is told before anything is made', () => {
  const names = async (): Promise<string[]> => (await rig.prism.vms()).map(({ name }) => name)

  test.each([
    ['an unknown image', ['--image', 'debain'], 'EACSNOTFOUND', 3],
    ['an ISO to boot from', ['--image', 'debian-iso'], 'EACSIMAGE', 5],
    ['a disk as a CD', ['--cdrom', 'debian'], 'EACSIMAGE', 5],
    ['an unknown network, the second', ['--network', 'web', '--network', 'wep'], 'EACSNOTFOUND', 3],
    ['an unknown container', ['--disk', '1G', '--container', 'none'], 'EACSNOCONTAINER', 3],
    ['a disk smaller than its image', ['--image', 'debian', '--disk-size', '1M'], 'EACSSIZE', 2],
    ['no cloud-init file', ['--cloud-init', join(folder, 'none')], 'EACSFILE', 3],
  ])('%s', async (_what, flags, code, exit) => {
    const before = await names()
    expect(await rig.failure('vm', 'create', 'never', ...flags)).toMatchObject({ code, exit })
    expect(await names()).toEqual(before)
  })

  test('user data that cloud-init would ignore', async () => {
    const file = join(folder, 'user-data')
    writeFileSync(file, '#cloud-config\npackages: [docker.io\n')
    const wrong = await rig.failure('vm', 'create', 'never', '--cloud-init', file)
    expect(wrong).toMatchObject({ code: 'EACSUSERDATA', exit: 2 })
    expect(wrong.message).toContain('line ')
    writeFileSync(file, '#cloud-config\npackages: [docker.io]\n')
    await rig.json('vm', 'create', 'cloudy', '--memory', '1G', '--cloud-init', file)
  })

  test('names that are none, and one address for several', async () => {
    expect(await rig.failure('vm', 'create', 'web*')).toMatchObject({ code: 'EACSNAME', exit: 2 })
    expect(await rig.failure('vm', 'create', 'w[1..2]', '--network', 'web=10.1.1.9')).toMatchObject({ exit: 2 })
    expect(await rig.failure('vm', 'show', 'none')).toMatchObject({ code: 'EACSNOTFOUND', exit: 3 })
    expect(await rig.failure('vm', 'start', 'none*')).toMatchObject({ code: 'EACSNOTFOUND', exit: 3 })
  })

  test('and TAB knows the names', async () => {
    expect((await rig.run('__complete', 'vms', 'sho')).stdout).toBe('shop\n')
    expect((await rig.run('__complete', 'images', 'debian-')).stdout).toBe('debian-iso\n')
    expect((await rig.run('__complete', 'networks', '')).stdout).toBe('storage\nweb\n')
  })

  test('a machine without an interface has no address to wait for', async () => {
    await rig.json('vm', 'create', 'lonely', '--memory', '1G')
    expect(await rig.failure('vm', 'ip', 'lonely')).toMatchObject({ code: 'EACSNOADDRESS', exit: 1 })
    expect(await rig.failure('vm', 'wait', 'lonely', '--for', 'on', '--timeout', '1s')).toMatchObject({
      code: 'EACSTIMEOUT',
      exit: 6,
    })
    expect(await rig.json('vm', 'wait', 'lonely', '--for', 'off')).toMatchObject({ state: 'off' })
  })
})
