import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startClusterRig, type ClusterRig } from './cluster-rig.js'

const folder = mkdtempSync(join(tmpdir(), 'acs-images-'))
const content = Buffer.alloc(3 * 1024 ** 2, 'acs')
const file = join(folder, 'disk.img')
let rig: ClusterRig
beforeAll(async () => {
  writeFileSync(file, content)
  rig = await startClusterRig()
})
afterAll(async () => {
  await rig.close()
  rmSync(folder, { recursive: true })
})

describe('networks', () => {
  const managed = ['--vlan', '10', '--subnet', '10.1.1.0/24', '--gateway', '10.1.1.1', '--pool', '10.1.1.10-10.1.1.19']

  test('are made, listed, shown and deleted', async () => {
    const made = await rig.json(
      'network',
      'create',
      'web',
      ...managed,
      '--dns',
      '192.0.2.53',
      '--domain',
      'example.com',
    )
    expect(made).toMatchObject({
      name: 'web',
      vlan: 10,
      subnet: '10.1.1.0/24',
      gateway: '10.1.1.1',
      pools: ['10.1.1.10-10.1.1.19'],
      nameServers: ['192.0.2.53'],
      domain: 'example.com',
    })
    await rig.json('network', 'create', 'storage', '--vlan', '133')
    expect(await rig.json('network', 'show', 'storage')).toMatchObject({ vlan: 133, subnet: null, freeAddresses: null })
    const listed = await rig.run('network', 'ls', '-q', '--sort', 'vlan:desc')
    expect(listed.stdout).toBe('storage\nweb\n')
    expect(await rig.json('network', 'delete', 'storage', '--confirm', 'storage')).toMatchObject({ name: 'storage' })
    expect(await rig.failure('network', 'show', 'storage')).toMatchObject({ code: 'EACSNOTFOUND', exit: 3 })
  })

  test('that are wrong are refused, with what is wrong', async () => {
    const wrong = await rig.failure('network', 'create', 'bad', '--vlan', '11', '--subnet', '10.1.1.7/24')
    expect(wrong).toMatchObject({ code: 'EACSNETWORK', exit: 2 })
    expect(wrong.message).toContain('10.1.1.0')
    expect(await rig.failure('network', 'create', 'web', '--vlan', '10')).toMatchObject({ code: 'EACSEXISTS', exit: 5 })
    expect(await rig.failure('network', 'create', 'none')).toMatchObject({ exit: 2 })
    expect(await rig.failure('network', 'create', 'none', '--vlan', '4095')).toMatchObject({ exit: 2 })
    const near = await rig.failure('network', 'show', 'wep')
    expect(near.hints[0]).toBe('Did you mean web?')
  })
})

describe('images', () => {
  const sha256 = createHash('sha256').update(content).digest('hex')

  test('are made of a file of this machine, with the content proven', async () => {
    const made = await rig.json('image', 'create', 'golden', '--file', file, '--sha256', sha256)
    expect(made).toMatchObject({ name: 'golden', kind: 'disk', active: true, sizeBytes: content.length })
    expect(await rig.json('image', 'create', 'tools', '--file', file, '--iso')).toMatchObject({ kind: 'iso' })
    expect((await rig.run('image', 'ls', '-q', '--sort', 'name')).stdout).toBe('golden\ntools\n')
    expect(await rig.json('image', 'delete', 'tools', '--confirm', 'tools')).toMatchObject({ name: 'tools' })
    expect(await rig.json('image', 'list')).toHaveLength(1)
  })

  test('with other content than promised are not there', async () => {
    const wrong = await rig.failure('image', 'create', 'forged', '--file', file, '--sha256', 'a'.repeat(64))
    expect(wrong).toMatchObject({ code: 'EACSTASKFAILED', exit: 1 })
    expect(await rig.failure('image', 'show', 'forged')).toMatchObject({ exit: 3 })
  })

  test('of a URL that nobody answers fail, and say so', async () => {
    const failed = await rig.failure('image', 'create', 'lost', '--url', 'http://127.0.0.1:9/none.img')
    expect(failed).toMatchObject({ code: 'EACSTASKFAILED', exit: 1 })
  })

  test('need one source, and a good one', async () => {
    expect(await rig.failure('image', 'create', 'x')).toMatchObject({ code: 'EACSUSAGE', exit: 2 })
    expect(await rig.failure('image', 'create', 'x', '--url', 'ftp://x/y')).toMatchObject({
      code: 'EACSIMAGEURL',
      exit: 2,
    })
    expect(await rig.failure('image', 'create', 'x', '--file', join(folder, 'none'))).toMatchObject({
      code: 'EACSFILE',
      exit: 3,
    })
    expect(await rig.failure('image', 'create', 'x', '--file', file, '--no-wait')).toMatchObject({ exit: 2 })
    expect(await rig.failure('image', 'create', 'x', '--file', file, '--container', 'none')).toMatchObject({
      code: 'EACSNOCONTAINER',
      exit: 3,
    })
  })
})
