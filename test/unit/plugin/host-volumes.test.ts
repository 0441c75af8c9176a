import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { initiatorsOf } from '../../../src/lib/volume/holder.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { readReferences } from '../../../src/lib/volume/references.js'
import { unmountVolume } from '../../../src/lib/volume/unmount.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { call, scene, type Scene } from './scene.js'

const soon = () => deadlineIn(10_000)
const files = ({ context, volume }: Scene) => readReferences(context.stateFolder, volume.uuid)
const holders = ({ prism, volume }: Scene) => initiatorsOf(asVolume(prism.groups.get(volume.uuid)!))

/** Everything is gone: mount, disk, record on the cluster, references. */
async function untilDetached(s: Scene): Promise<void> {
  await vi.waitFor(async () => {
    expect(s.context.host.mounted).toEqual([])
    expect(s.context.host.attachedDisks).toEqual([])
    expect(holders(s)).toEqual([])
    expect(await files(s)).toBeUndefined()
  })
}

describe('volumes of this host', () => {
  it('are mounted once for many callers, and detached after the last', async () => {
    const s = await scene()
    expect(await s.volumes.mount(s.volume, 'one', call())).toEqual({ mountPoint: s.place })
    expect(await s.volumes.mount(s.volume, 'two', call())).toEqual({ mountPoint: s.place })
    await s.volumes.mount(s.volume, 'two', call())
    expect(s.context.host.calls.filter((name) => name === 'mount')).toHaveLength(1)
    expect((await files(s))?.ids.map(({ id }) => id)).toEqual(['one', 'two'])

    await s.volumes.unmount('db', 'one', call())
    await s.volumes.unmount('db', 'one', call())
    await s.volumes.unmount('db', 'nobody', call())
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(s.context.host.mounted).toHaveLength(1)
    await s.volumes.unmount('db', 'two', call())
    await untilDetached(s)
    await vi.waitFor(() => expect(existsSync(s.place)).toBe(false))
  })

  it('linger, so that the second mount of a docker run finds them there', async () => {
    const s = await scene({ lingerMs: 60_000 })
    await s.volumes.mount(s.volume, 'copy-up', call())
    await s.volumes.unmount('db', 'copy-up', call())
    await s.volumes.mount(s.volume, 'container', call())
    expect(s.context.host.calls.filter((name) => name === 'mount')).toHaveLength(1)
    await s.volumes.unmount('db', 'container', call())
    expect(await s.volumes.letGo(s.volume.uuid, soon())).toEqual({ state: 'released' })
    await untilDetached(s)
  })

  it('are on the cluster before an unmount is answered', async () => {
    const s = await scene({ lingerMs: 60_000 })
    const synced = vi.spyOn(s.context.host, 'sync')
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.mount(s.volume, 'two', call())
    await s.volumes.unmount('db', 'one', call())
    expect(synced).not.toHaveBeenCalled()
    await s.volumes.unmount('db', 'two', call())
    expect(synced).toHaveBeenCalledWith(s.place, expect.anything())
  })

  it('mount without asking the cluster when they are mounted already', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    s.prism.pause = () => Promise.reject(new AcsError('timeout', 'EACSUNREACHABLE', 'Prism is down'))
    expect(await s.volumes.mount(s.volume, 'two', call())).toEqual({ mountPoint: s.place })
  })

  it('keep their callers over a crash of the plugin', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    const after = await s.reopen()
    after.settle()
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(s.context.host.mounted).toHaveLength(1)
    expect(await after.mount(s.volume, 'one', call())).toEqual({ mountPoint: s.place })
    expect(s.context.host.calls.filter((name) => name === 'mount')).toHaveLength(1)
    await after.unmount('db', 'one', call())
    await untilDetached(s)
  })

  it('are detached after a crash when nobody had them', async () => {
    const s = await scene({ lingerMs: 60_000 })
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    const after = await s.reopen()
    expect(after.byName('db')?.ids).toEqual([])
    expect(await after.letGo(s.volume.uuid, soon())).toEqual({ state: 'released' })
    await untilDetached(s)
  })

  it('are forgotten after a reboot, as nothing is mounted, and mounted anew under the same id', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    Object.assign(s.context.host, { mounted: [], attachedDisks: [] })
    const after = await s.reopen({ bootId: 'another boot' })
    expect(after.all()).toEqual([])
    await after.mount(s.volume, 'one', call())
    expect(s.context.host.mounted).toHaveLength(1)
    expect((await files(s))?.bootId).toBe('another boot')
  })

  it('leave nothing behind when a mount fails', async () => {
    const s = await scene()
    s.context.host.failNext = { call: 'mount', error: new AcsError('failed', 'EACSMOUNT', 'no') }
    await expect(s.volumes.mount(s.volume, 'one', call())).rejects.toThrow('no')
    await untilDetached(s)
  })

  it('are taken back when Docker gave up meanwhile', async () => {
    const s = await scene()
    const gone = new AbortController()
    const mount = s.context.host.mount.bind(s.context.host)
    s.context.host.mount = async (request, deadline) => {
      await mount(request, deadline)
      gone.abort(new Error('the client hung up'))
    }
    await expect(s.volumes.mount(s.volume, 'one', call(10_000, gone.signal))).rejects.toThrow()
    await untilDetached(s)
  })

  it('stay with whoever mounted them by hand', async () => {
    const s = await scene()
    await mkdir(s.place)
    await mountVolume(s.context, { volume: 'db', mountPoint: s.place })
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    await vi.waitFor(async () => expect(await files(s)).toBeUndefined())
    expect(s.context.host.mounted).toHaveLength(1)
    expect(holders(s)).toEqual([s.context.host.initiatorName])
  })

  it('cannot be unmounted by hand under a container', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    await expect(unmountVolume(s.context, { volume: 'db' })).rejects.toMatchObject({ code: 'EACSINUSE' })
    expect(await s.volumes.letGo(s.volume.uuid, soon())).toMatchObject({ state: 'in-use' })
    expect(s.context.host.mounted).toHaveLength(1)
  })

  it('are acquired from another holder in the way the policy says', async () => {
    const freed: string[] = []
    const s = await scene({
      acquire: async ({ uuid }, _call, use) => {
        await expect(use()).rejects.toMatchObject({ code: 'EACSHELD' })
        await s.prism.updateVolumeGroup(await s.prism.volumeGroup(uuid), { allowedInitiators: [] })
        freed.push(uuid)
        await use()
      },
    })
    await s.prism.updateVolumeGroup(await s.prism.volumeGroup(s.volume.uuid), {
      allowedInitiators: [{ clientAddress: 'iqn.2000-01.example:other' }],
    })
    await s.volumes.mount(s.volume, 'one', call())
    expect(freed).toEqual([s.volume.uuid])
    expect(holders(s)).toEqual([s.context.host.initiatorName])
  })

  it('are cleared away when they are lost, and their callers stay known', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    await s.prism.updateVolumeGroup(await s.prism.volumeGroup(s.volume.uuid), {
      allowedInitiators: [{ clientAddress: 'iqn.2000-01.example:other' }],
    })
    await s.volumes.loseVolume(s.volume.uuid, 'for a test', soon())
    expect(s.context.host.mounted).toEqual([])
    expect(s.context.host.attachedDisks).toEqual([])
    expect(holders(s)).toEqual(['iqn.2000-01.example:other'])
    expect(s.log.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'lost the volume' }))
    await s.volumes.unmount('db', 'one', call())
    await vi.waitFor(async () => expect(await files(s)).toBeUndefined())
    expect(holders(s)).toEqual(['iqn.2000-01.example:other'])
  })

  it('take lost+found out of the way, unless fsck saved something in it', async () => {
    const s = await scene()
    const mount = s.context.host.mount.bind(s.context.host)
    s.context.host.mount = async (request, deadline) => {
      await mkdir(join(request.mountPoint, 'lost+found'))
      await mount(request, deadline)
    }
    await s.volumes.mount(s.volume, 'one', call())
    expect(existsSync(join(s.place, 'lost+found'))).toBe(false)
    await s.volumes.unmount('db', 'one', call())
    await untilDetached(s)
    s.context.host.mount = async (request, deadline) => {
      await mkdir(join(request.mountPoint, 'lost+found'))
      await writeFile(join(request.mountPoint, 'lost+found', '#12'), 'saved')
      await mount(request, deadline)
    }
    await s.volumes.mount(s.volume, 'two', call())
    expect(existsSync(join(s.place, 'lost+found', '#12'))).toBe(true)
  })

  it('stay for a container whose ID is gone too early, as docker cp takes it away', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    s.context.host.mountedElsewhere = () => Promise.resolve([4711])
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(s.context.host.mounted).toHaveLength(1)
    expect(await s.volumes.letGo(s.volume.uuid, soon())).toMatchObject({ state: 'in-use' })
    s.context.host.mountedElsewhere = () => Promise.resolve([])
    expect(await s.volumes.letGo(s.volume.uuid, soon())).toEqual({ state: 'released' })
    await untilDetached(s)
  })

  it('drop callers that are provably gone', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.mount(s.volume, 'two', call())
    await s.volumes.dropReferences(s.volume.uuid, ['one'], 'no container uses it')
    expect((await files(s))?.ids.map(({ id }) => id)).toEqual(['two'])
    await s.volumes.dropReferences(s.volume.uuid, ['two'], 'no container uses it')
    await untilDetached(s)
  })
})
