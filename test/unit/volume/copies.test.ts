import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { cloneVolume } from '../../../src/lib/volume/clone.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { restoreSnapshot } from '../../../src/lib/volume/restore.js'
import { createSnapshot, listSnapshots, timeName } from '../../../src/lib/volume/snapshot.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { fakeContext, temporaryFolder, type FakeContext } from './fake-context.js'
import { fakeHost } from './fake-host.js'
import { fakePrism, type FakePrism } from './fake-prism.js'

async function scene(): Promise<{ prism: FakePrism; context: FakeContext; uuid: string }> {
  const prism = fakePrism()
  const context = await fakeContext(prism, fakeHost('a', new Map()))
  const { uuid } = await createVolume(context, { name: 'db', sizeBytes: 2 ** 30, description: 'text', protect: true })
  return { prism, context, uuid }
}

describe('copies of a volume', () => {
  it('inherit what describes the data, never the permission to format, the holder or the protection', async () => {
    const { prism, context, uuid } = await scene()
    await mountVolume(context, { volume: 'db', mountPoint: `${await temporaryFolder()}/db` })
    const { volume } = await cloneVolume(context, { source: 'db', name: 'copy' })
    expect(volume?.trailer).toEqual({ v: 1, fs: 'ext4', c: 'a', cp: uuid.slice(0, 8) })
    expect(volume?.text).toBe('text')
    const { snapshot } = await createSnapshot(context, { volume: 'db', name: 'one' })
    expect(Object.keys(snapshot?.trailer ?? {})).toEqual(['v', 'fs', 'snap'])
    expect(snapshot?.trailer?.snap).toMatchObject({ ofName: 'db', name: 'one', frozen: true })
    expect([...prism.groups.values()].filter((group) => group.description.includes('"fmt"'))).toEqual([])
  })

  it('are taken from a frozen filesystem, which is thawed also when the clone fails', async () => {
    const { prism, context } = await scene()
    const mountPoint = `${await temporaryFolder()}/db`
    await mountVolume(context, { volume: 'db', mountPoint })
    const cloneVolumeGroup = prism.cloneVolumeGroup.bind(prism)
    let frozen: boolean | undefined
    prism.cloneVolumeGroup = (...given) => {
      frozen = context.host.frozen.has(mountPoint)
      return cloneVolumeGroup(...given)
    }
    await createSnapshot(context, { volume: 'db', name: 'one' })
    expect(frozen).toBe(true)
    prism.cloneVolumeGroup = () => Promise.reject(new AcsError('failed', 'EACSTASKFAILED', 'no'))
    await expect(createSnapshot(context, { volume: 'db', name: 'two' })).rejects.toThrow('no')
    expect(context.host.frozen.size).toBe(0)
    await expect(createSnapshot(context, { volume: 'db', name: 'two', freeze: false })).rejects.toThrow('no')
    expect(context.host.calls.filter((call) => call === 'freeze')).toHaveLength(2)
  })

  it('belong to the volume by UUID, and by name after a restore', async () => {
    const { prism, context, uuid } = await scene()
    await createSnapshot(context, { volume: 'db', name: 'one' })
    await createSnapshot(context, { volume: 'db', name: 'two' })
    const { volume, kept } = await restoreSnapshot(context, { snapshot: 'db@one' })
    expect(volume?.group.uuid).not.toBe(uuid)
    expect(prism.groups.get(uuid)?.name).toBe(kept)
    const names = (await listSnapshots(context, 'db')).map((snapshot) => snapshot.group.name)
    expect(names).toEqual(['db@one', 'db@two', kept])
    expect(volume?.trailer?.prot).toBe(true)
  })

  it('do not replace a volume that another machine restored meanwhile', async () => {
    const { prism, context, uuid } = await scene()
    await createSnapshot(context, { volume: 'db', name: 'one' })
    const cloneVolumeGroup = prism.cloneVolumeGroup.bind(prism)
    prism.cloneVolumeGroup = async (...given) => {
      const group = prism.groups.get(uuid)!
      prism.put({ ...group, name: 'db@pre-restore-elsewhere' })
      return cloneVolumeGroup(...given)
    }
    await expect(restoreSnapshot(context, { snapshot: 'db@one' })).rejects.toMatchObject({ code: 'EACSCHANGED' })
    expect([...prism.groups.values()].map((group) => group.name).sort()).toEqual(['db@one', 'db@pre-restore-elsewhere'])
  })

  it('of a group that acs did not make stay free of guesses, but are ours', async () => {
    const { prism, context } = await scene()
    prism.put({ uuid: 'bbbbbbbb-0000-4000-8000-000000000001', name: 'foreign' })
    const { volume } = await cloneVolume(context, { source: 'foreign', name: 'copy' })
    expect(volume?.trailer).toEqual({ v: 1, own: true, c: 'a', cp: 'bbbbbbbb' })
    expect(asVolume(prism.groups.get('bbbbbbbb-0000-4000-8000-000000000001')!).trailer).toBeUndefined()
  })

  it('are named by a time that sorts', () => {
    expect(timeName(new Date('2026-01-02T03:04:05.678Z'))).toBe('20260102-030405')
  })
})
