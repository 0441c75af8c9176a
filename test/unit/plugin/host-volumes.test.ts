import { existsSync } from 'node:fs'
import { mkdir, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { revokeAll } from '../../../src/lib/volume/exclusive.js'
import type { KnownVolume } from '../../../src/lib/plugin/known-volumes.js'
import { initiatorsOf } from '../../../src/lib/volume/holder.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { readReferences } from '../../../src/lib/volume/references.js'
import { targetName } from '../../../src/lib/volume/target-name.js'
import { unmountVolume } from '../../../src/lib/volume/unmount.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { call, scene, type Scene } from './scene.js'

const soon = () => deadlineIn(10_000)
const files = ({ context, volume }: Scene) => readReferences(context.stateFolder, volume.uuid)
const holders = ({ prism, volume }: Scene) => initiatorsOf(asVolume(prism.groups.get(volume.uuid)!))

function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

/** Everything is gone: mount, disk, record on the cluster, references. */
async function untilDetached(s: Scene): Promise<void> {
  await vi.waitFor(async () => {
    expect(s.context.host.mounted).toEqual([])
    expect(s.context.host.attachedDisks).toEqual([])
    expect(holders(s)).toEqual([])
    expect(await files(s)).toBeUndefined()
  })
}

/** More volumes of the cluster, as the plugin knows them. */
async function moreVolumes(s: Scene, names: readonly string[]): Promise<KnownVolume[]> {
  return Promise.all(
    names.map(async (name) => {
      const { uuid } = await createVolume(s.context, { name, sizeBytes: 2 ** 30 })
      return { ...s.volume, uuid, name, target: targetName(await s.prism.volumeGroup(uuid)) }
    }),
  )
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

  it('tell in what state they are, and how long they linger', async () => {
    const s = await scene({ lingerMs: 60_000 })
    const { uuid } = s.volume
    await s.volumes.mount(s.volume, 'one', call())
    expect(s.volumes.state(uuid)).toBe('mounted')
    expect(s.volumes.lingersUntil(uuid)).toBeUndefined()
    await s.volumes.unmount('db', 'one', call())
    expect(s.volumes.state(uuid)).toBe('lingering')
    expect(s.volumes.lingersUntil(uuid)!.getTime() - Date.now()).toBeGreaterThan(55_000)
    // As after a start: nothing is known but the file.
    const after = await s.reopen()
    expect(after.state(uuid)).toBe('changing')
    after.settle()
    expect(after.state(uuid)).toBe('lingering')
    const slow = gate()
    vi.spyOn(s.context.host, 'unmount').mockImplementationOnce(() => slow.opened)
    const going = after.letGo(uuid, soon())
    await vi.waitFor(() => {
      expect(after.state(uuid)).toBe('changing')
      expect(after.lingersUntil(uuid)).toBeUndefined()
    })
    slow.open()
    await going
  })

  it('that callers believe to have, and that are not here, are lost', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.loseVolume(s.volume.uuid, 'a test', soon())
    expect(s.context.host.mounted).toEqual([])
    expect(s.volumes.state(s.volume.uuid)).toBe('lost')
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

  it('are found mounted below a folder that is a link', async () => {
    const s = await scene({ linked: true })
    const { mountPoint } = await s.volumes.mount(s.volume, 'one', call())
    expect(mountPoint).toBe(await realpath(s.place))
    s.prism.pause = () => Promise.reject(new AcsError('timeout', 'EACSUNREACHABLE', 'Prism is down'))
    expect(await s.volumes.mount(s.volume, 'two', call())).toEqual({ mountPoint })
  })

  it('are mounted eight at a time, those that were asked for first, and the others in their turn', async () => {
    const s = await scene()
    const names = Array.from({ length: 20 }, (_nothing, index) => `v${index}`)
    const volumes = await moreVolumes(s, names)
    const { host } = s.context
    const mount = host.mount.bind(host)
    const atWork: number[] = []
    const mounted: string[] = []
    let running = 0
    vi.spyOn(host, 'mount').mockImplementation(async (request, deadline) => {
      running += 1
      atWork.push(running)
      mounted.push(request.mountPoint.slice(s.mountFolder.length + 1))
      await new Promise((resolve) => setTimeout(resolve, 30))
      running -= 1
      return mount(request, deadline)
    })
    await Promise.all(volumes.map((volume) => s.volumes.mount(volume, 'one', call())))
    expect(Math.max(...atWork)).toBe(8)
    expect(mounted.slice(0, 8).sort()).toEqual(names.slice(0, 8))
    expect(mounted).toHaveLength(names.length)
  })

  it('whose turn does not come within the call are left alone, and it says who is at work', async () => {
    const s = await scene()
    const volumes = await moreVolumes(s, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    let letGoOn: () => void = () => undefined
    const held = new Promise<void>((resolve) => (letGoOn = resolve))
    const { host } = s.context
    const mount = host.mount.bind(host)
    const mountCalls = vi.spyOn(host, 'mount').mockImplementation((...request) => held.then(() => mount(...request)))
    const mounting = volumes.map((volume) => s.volumes.mount(volume, 'one', call()))
    await vi.waitFor(() => {
      expect(mountCalls).toHaveBeenCalledTimes(8)
    })
    await expect(s.volumes.mount(s.volume, 'one', call(50))).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
      message: expect.stringMatching(/waiting to mount db: this host is busy with "mount \w" since/) as string,
    })
    letGoOn()
    await Promise.all(mounting)
    expect(holders(s)).toEqual([])
    expect(await files(s)).toBeUndefined()
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

  it('are mounted to the end after a crash in the middle, with their owner and without lost+found', async () => {
    const s = await scene()
    const { uuid } = await createVolume(s.context, { name: 'own', sizeBytes: 2 ** 30, uid: 1234 })
    const own = { ...s.volume, uuid, name: 'own', target: targetName(await s.prism.volumeGroup(uuid)) }
    const place = join(s.mountFolder, 'own')
    const { host } = s.context
    // It dies before the owner is set: nothing is taken back, nothing is tried again.
    s.volumes.stop()
    s.context.checkpoint = (step, when) => {
      if (step !== 'set-owner' || when !== 'before') return
      host.failNext = { call: 'unmount', error: new Error('dead') }
      throw new Error('dead')
    }
    await expect(s.volumes.mount(own, 'one', call())).rejects.toThrow('dead')
    delete s.context.checkpoint
    expect(host.mounted).toHaveLength(1)
    await mkdir(join(place, 'lost+found'))
    const after = await s.reopen()
    await after.mount(own, 'one', call())
    expect((await stat(place)).uid).toBe(1234)
    expect(existsSync(join(place, 'lost+found'))).toBe(false)
    expect(host.calls.filter((name) => name === 'mount')).toHaveLength(1)
  })

  it('are watched although they only lingered when the plugin was started again, or could not be detached', async () => {
    const s = await scene({ lingerMs: 60_000 })
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    const after = await s.reopen()
    await after.mount(s.volume, 'two', call())
    expect(after.stay(s.volume.uuid)).toBeDefined()
    await after.unmount('db', 'two', call())
    s.prism.pause = () => Promise.reject(new AcsError('timeout', 'EACSUNREACHABLE', 'Prism is down'))
    await expect(after.letGo(s.volume.uuid, soon())).rejects.toThrow('Prism is down')
    await after.mount(s.volume, 'three', call())
    expect(after.stay(s.volume.uuid)).toBeDefined()
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

  it('are served although what is written of another one is damaged, or of a newer acs; that one is left alone', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    const other = '11111111-1111-4111-8111-111111111111'
    for (const damage of ['{"v":1,"uuid":', '{"v":2}', '']) {
      await writeFile(join(s.context.stateFolder, 'references', `${other}.json`), damage)
      expect((await s.reopen()).all().map(({ name }) => name)).toEqual(['db'])
      expect(s.log.lines.at(-1)).toMatchObject({ level: 'error', fields: { code: 'EACSREFERENCES' } })
    }
    // What it is about stays mounted when the last caller goes.
    await writeFile(join(s.context.stateFolder, 'references', `${s.volume.uuid}.json`), '')
    const after = await s.reopen()
    await after.mount(s.volume, 'two', call())
    await after.unmount('db', 'two', call())
    await vi.waitFor(async () => expect(await files(s)).toBeUndefined())
    expect(s.context.host.mounted).toHaveLength(1)
  })

  it('are not mounted where that cannot be written down, and the error says so', async () => {
    const s = await scene()
    const path = join(s.context.stateFolder, 'references', `${s.volume.uuid}.json`)
    await mkdir(path, { recursive: true })
    await expect(s.volumes.mount(s.volume, 'one', call())).rejects.toMatchObject({ code: 'EACSSTATE', kind: 'failed' })
    expect(s.context.host.calls).toEqual([])
    expect(holders(s)).toEqual([])
  })

  it('say what to do about a filesystem whose check never ends in time', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    await untilDetached(s)
    const error = new AcsError('timeout', 'EACSTIMEOUT', 'timed out while running e2fsck')
    s.context.host.failNext = { call: 'checkFilesystem', error }
    await expect(s.volumes.mount(s.volume, 'two', call())).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
      hints: [expect.stringContaining('acs volume mount db')],
    })
    await untilDetached(s)
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

  it('are not cleared away when this host got them back before that was done', async () => {
    const s = await scene({ lingerMs: 60_000 })
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    await revokeAll(s.context, s.volume.uuid)
    const initiator = await s.context.host.initiator('auto', soon())
    let fail: () => void = () => undefined
    const failing = vi.fn(() => Promise.resolve()).mockReturnValueOnce(new Promise<void>((resolve) => (fail = resolve)))
    initiator.failIo = failing
    const losing = s.volumes.loseVolume(s.volume.uuid, 'for a test', soon())
    await vi.waitFor(() => expect(failing).toHaveBeenCalledOnce())
    await s.volumes.mount(s.volume, 'two', call())
    fail()
    await losing
    expect(s.context.host.mounted).toHaveLength(1)
    expect((await files(s))?.ids.map(({ id }) => id)).toEqual(['two'])
  })

  it('lose their I/O at once when they are lost, while the cluster does not answer', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    s.prism.pause = () => new Promise(() => undefined)
    const initiator = await s.context.host.initiator('auto', soon())
    const portals: string[] = []
    initiator.failIo = ({ portal }) => Promise.resolve(void portals.push(portal))
    await s.volumes.loseVolume(s.volume.uuid, 'for a test', deadlineIn(2_000))
    expect(portals).toEqual(['10.0.0.5:3260', '10.0.0.5:3260'])
    expect(s.context.host.attachedDisks).toEqual([])
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

  it('stay where they are mounted at another place of this machine too', async () => {
    const s = await scene()
    await s.volumes.mount(s.volume, 'one', call())
    const [mount] = s.context.host.mounted
    s.context.host.mounted.push({ ...mount!, mountPoint: '/var/lib/docker/overlay2/x/merged/data' })
    await s.volumes.unmount('db', 'one', call())
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(await s.volumes.letGo(s.volume.uuid, soon())).toMatchObject({ state: 'in-use' })
    expect(s.context.host.mounted).toHaveLength(2)
    s.context.host.mounted.pop()
    expect(await s.volumes.letGo(s.volume.uuid, soon())).toEqual({ state: 'released' })
    await untilDetached(s)
  })

  it('are detached in the end although a mount failed that found them lingering', async () => {
    const s = await scene({ lingerMs: 60_000 })
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    const initiator = await s.context.host.initiator('auto', soon())
    vi.spyOn(initiator, 'attached').mockRejectedValueOnce(new AcsError('failed', 'EACSPROBE', 'no'))
    await expect(s.volumes.mount(s.volume, 'two', call())).rejects.toThrow('no')
    await untilDetached(s)
  })

  it('are detached in the end although letting go of them failed when somebody asked', async () => {
    const s = await scene({ lingerMs: 60_000 })
    await s.volumes.mount(s.volume, 'one', call())
    await s.volumes.unmount('db', 'one', call())
    s.context.host.failNext = { call: 'detach', error: new AcsError('failed', 'EACSCOMMAND', 'no') }
    await expect(s.volumes.letGo(s.volume.uuid, soon())).rejects.toThrow('no')
    await vi.waitFor(async () => expect(await files(s)).toBeUndefined(), { timeout: 5_000 })
    expect(holders(s)).toEqual([])
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
