import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { CannotTell, type DriverVolume, type VolumeDriver } from '../../../src/lib/plugin/driver.js'
import { openKnownVolumes, type KnownVolumes } from '../../../src/lib/plugin/known-volumes.js'
import { createNutanixDriver } from '../../../src/lib/plugin/nutanix-driver.js'
import { openSpellings } from '../../../src/lib/plugin/spellings.js'
import { createUsage } from '../../../src/lib/plugin/usage.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { canonicalName } from '../../../src/lib/volume/inline-name.js'
import { removeVolume } from '../../../src/lib/volume/remove.js'
import { call, scene, type Scene } from './scene.js'

interface DriverScene extends Scene {
  driver: VolumeDriver
  known: KnownVolumes
  removed: string[]
}

async function driverScene(): Promise<DriverScene> {
  const s = await scene({ lingerMs: 60_000, learn: (group) => known.learn(group) })
  const known: KnownVolumes = await openKnownVolumes({
    stateFolder: s.context.stateFolder,
    list: () => s.prism.volumeGroups(),
    isKept: (uuid) => s.volumes.byUuid(uuid) !== undefined,
    warn: () => undefined,
  })
  // A delayed write would make the folder again after the test.
  onTestFinished(() => known.flush())
  const removed: string[] = []
  const driver = createNutanixDriver({
    known,
    volumes: s.volumes,
    usage: createUsage(s.context.host),
    isShown: ({ ours }) => ours === true,
    ensure: ({ name }) =>
      Promise.resolve(s.prism.put({ uuid: '00000000-0000-4000-8000-000000000001', name: canonicalName(name) })),
    async remove({ uuid, name }) {
      await removeVolume(s.context, { volume: uuid, name })
      removed.push(name)
    },
    ownName: canonicalName,
    spellings: await openSpellings(s.context.stateFolder, canonicalName),
  })
  return { ...s, driver, known, removed }
}

const down = (s: Scene): void => {
  s.prism.volumeGroups = () => Promise.reject(new AcsError('timeout', 'EACSUNREACHABLE', 'Prism is down'))
}

describe('the driver', () => {
  it('asks the cluster once for a name it does not know, and never again for one it does', async () => {
    const s = await driverScene()
    const asked = vi.spyOn(s.prism, 'volumeGroups')
    expect((await s.driver.get({ name: 'db' }, call())).name).toBe('db')
    await s.driver.get({ name: 'db' }, call())
    expect(asked).toHaveBeenCalledOnce()
  })

  it('says that a volume is not there only when the cluster says so', async () => {
    const s = await driverScene()
    await expect(s.driver.get({ name: 'nothing' }, call())).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
    down(s)
    await expect(s.driver.get({ name: 'nothing' }, call())).rejects.toBeInstanceOf(CannotTell)
    await expect(s.driver.mount({ name: 'nothing', id: 'x' }, call())).rejects.toMatchObject({
      code: 'EACSUNREACHABLE',
    })
  })

  it('does not wait for a cluster that does not answer longer than its caller', async () => {
    const s = await driverScene()
    s.prism.volumeGroups = () => new Promise(() => undefined)
    await expect(s.driver.get({ name: 'db' }, call(50))).rejects.toBeInstanceOf(CannotTell)
  })

  it('finds what it knows while the cluster is down', async () => {
    const s = await driverScene()
    await s.known.refresh()
    down(s)
    expect((await s.driver.get({ name: 'db' }, call())).status).toMatchObject({ size: '1 GiB', mounts: 0 })
    expect(await s.driver.list(call())).toHaveLength(1)
  })

  it('lists the very same objects until something changes, for lists of thousands', async () => {
    const s = await driverScene()
    await s.known.refresh()
    const list = (): Promise<DriverVolume[]> => s.driver.list(call())
    const [before] = await list()
    expect(before).toEqual({ name: 'db', status: { asOf: s.known.refreshedAt?.toISOString() } })
    expect((await list())[0]).toBe(before)
    await s.driver.mount({ name: 'db', id: 'one' }, call())
    const [mounted] = await list()
    expect(mounted).toMatchObject({ name: 'db', mountPoint: s.place })
    expect((await list())[0]).toBe(mounted)
    await s.driver.unmount({ name: 'db', id: 'one' }, call())
    expect((await list())[0]?.mountPoint).toBeUndefined()
    await new Promise((resolve) => setTimeout(resolve, 2))
    await s.known.refresh()
    expect((await list())[0]?.status).toEqual({ asOf: s.known.refreshedAt?.toISOString() })
  })

  it('lists only what acs made, and finds the rest by name', async () => {
    const s = await driverScene()
    s.prism.put({ uuid: '00000000-0000-4000-8000-000000000002', name: 'foreign' })
    await s.known.refresh()
    expect((await s.driver.list(call())).map(({ name }) => name)).toEqual(['db'])
    expect((await s.driver.get({ name: 'foreign' }, call())).status).toMatchObject({ managed: false })
  })

  it('shows where it is mounted and who holds it', async () => {
    const s = await driverScene()
    const { mountPoint } = await s.driver.mount({ name: 'db', id: 'one' }, call())
    expect(mountPoint).toBe(s.place)
    const volume = await s.driver.get({ name: 'db' }, call())
    expect(volume).toMatchObject({ mountPoint: s.place, status: { holder: 'a', mounts: 1 } })
    expect(await s.driver.path({ name: 'db' }, call())).toEqual({ mountPoint: s.place })
    await s.driver.unmount({ name: 'db', id: 'one' }, call())
    expect((await s.driver.get({ name: 'db' }, call())).mountPoint).toBeUndefined()
    expect(await s.driver.path({ name: 'db' }, call())).toEqual({})
  })

  it('answers under the name that Docker used', async () => {
    const s = await driverScene()
    expect((await s.driver.get({ name: 'db,size=20G' }, call())).name).toBe('db,size=20G')
    await s.driver.mount({ name: 'db,size=20G', id: 'one' }, call())
    await s.driver.unmount({ name: 'db,size=20G', id: 'one' }, call())
    expect(s.volumes.byName('db')?.ids).toEqual([])
  })

  it('finds what is in use under the name it was mounted by, whatever becomes of the group', async () => {
    const s = await driverScene()
    await s.driver.mount({ name: 'db', id: 'one' }, call())
    s.known.learn(await s.prism.updateVolumeGroup(await s.prism.volumeGroup(s.volume.uuid), { name: 'other' }))
    await s.known.refresh()
    expect(await s.driver.get({ name: 'db' }, call())).toMatchObject({ mountPoint: s.place, status: { mounts: 1 } })
    expect((await s.driver.list(call())).map(({ name }) => name)).toEqual(['other', 'db'])
    await s.driver.mount({ name: 'db', id: 'two' }, call())
    expect(s.volumes.byName('db')?.ids).toHaveLength(2)
    // Neither the cluster nor what was written of it tells.
    s.known.forget(s.volume.uuid)
    down(s)
    expect((await s.driver.get({ name: 'db' }, call())).mountPoint).toBe(s.place)
    await s.driver.unmount({ name: 'db', id: 'one' }, call())
    await s.driver.unmount({ name: 'db', id: 'two' }, call())
    await expect(s.driver.get({ name: 'db' }, call())).rejects.toBeInstanceOf(CannotTell)
  })

  it('mounts and removes what has the name now, as after the restore of a snapshot', async () => {
    for (const what of ['mount', 'remove'] as const) {
      const s = await driverScene()
      await s.known.refresh()
      await s.prism.updateVolumeGroup(await s.prism.volumeGroup(s.volume.uuid), { name: 'db.before' })
      await expect(s.driver[what]({ name: 'db', id: 'one' }, call())).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
      expect(s.removed).toEqual([])

      await s.prism.updateVolumeGroup(await s.prism.volumeGroup(s.volume.uuid), { name: 'db' })
      await s.known.refresh()
      await s.prism.updateVolumeGroup(await s.prism.volumeGroup(s.volume.uuid), { name: 'db.before' })
      const { uuid } = await createVolume(s.context, { name: 'db', sizeBytes: 2 ** 30 })
      await s.driver[what]({ name: 'db', id: 'one' }, call())
      if (what === 'mount') expect(s.volumes.all().map((each) => each.uuid)).toEqual([uuid])
      else expect(s.removed).toEqual(['db'])
      expect(s.known.byUuid(s.volume.uuid)?.name).toBe('db.before')
    }
  })

  it('asks which one is meant where several groups have the name, and lists it once', async () => {
    const s = await driverScene()
    s.prism.put({ ...(await s.prism.volumeGroup(s.volume.uuid)), uuid: '00000000-0000-4000-8000-000000000003' })
    for (const what of ['mount', 'remove'] as const)
      await expect(s.driver[what]({ name: 'db', id: 'one' }, call())).rejects.toMatchObject({ code: 'EACSDUPLICATE' })
    expect(s.removed).toEqual([])
    expect((await s.driver.get({ name: 'db' }, call())).name).toBe('db')
    expect(await s.driver.list(call())).toHaveLength(1)
    // One that is in use here is the one.
    await s.volumes.mount(s.volume, 'one', call())
    await s.driver.mount({ name: 'db', id: 'two' }, call())
    expect(s.volumes.byUuid(s.volume.uuid)?.ids).toHaveLength(2)
  })

  it('lists a volume as Docker calls it, so that Docker knows it to be in use', async () => {
    const s = await driverScene()
    await s.known.refresh()
    const listed = async (): Promise<string[]> => (await s.driver.list(call())).map(({ name }) => name)
    expect(await listed()).toEqual(['db'])
    await s.driver.mount({ name: 'db,size=20G', id: 'one' }, call())
    expect(await listed()).toEqual(['db,size=20G'])
    await s.driver.mount({ name: 'db', id: 'two' }, call())
    expect(await listed()).toEqual(['db,size=20G', 'db'])
  })

  it('removes a volume with the last of the names that Docker has for it', async () => {
    const s = await driverScene()
    for (const name of ['db,size=20G', 'db,fs=ext4']) {
      await s.driver.mount({ name, id: name }, call())
      await s.driver.unmount({ name, id: name }, call())
    }
    // A stopped container may have it by one of the names, and Docker would not know.
    await expect(s.driver.remove({ name: 'db' }, call())).rejects.toMatchObject({
      code: 'EACSINUSE',
      hints: ['docker volume rm db,size=20G', 'docker volume rm db,fs=ext4'],
    })
    await s.driver.remove({ name: 'db,size=20G' }, call())
    expect(s.removed).toEqual([])
    await s.driver.remove({ name: 'db,fs=ext4' }, call())
    expect(s.removed).toEqual(['db'])
  })

  it('removes what nobody uses, detaching it first', async () => {
    const s = await driverScene()
    await s.driver.mount({ name: 'db', id: 'one' }, call())
    await expect(s.driver.remove({ name: 'db' }, call())).rejects.toMatchObject({ code: 'EACSINUSE' })
    await s.driver.unmount({ name: 'db', id: 'one' }, call())
    await s.driver.remove({ name: 'db' }, call())
    expect(s.removed).toEqual(['db'])
    expect(s.context.host.attachedDisks).toEqual([])
    expect(s.known.get('db')).toBeUndefined()
  })

  it('knows at once what it made', async () => {
    const s = await driverScene()
    await s.driver.create({ name: 'new', options: {} }, call())
    down(s)
    expect((await s.driver.get({ name: 'new' }, call())).name).toBe('new')
  })
})
