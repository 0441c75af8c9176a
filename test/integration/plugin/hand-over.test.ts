import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { dockerApi } from '../../../src/lib/plugin/docker-api.js'
import { createHandOver, type HandOver } from '../../../src/lib/plugin/hand-over.js'
import { openHostVolumes, type HostVolumes } from '../../../src/lib/plugin/host-volumes.js'
import { createKeyedLocks } from '../../../src/lib/plugin/locks.js'
import type { VolumeContext } from '../../../src/lib/volume/context.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { currentHolder } from '../../../src/lib/volume/holder.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { targetName } from '../../../src/lib/volume/target-name.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { call, recordingLog } from '../../unit/plugin/scene.js'
import { fakeContext, temporaryFolder, type FakeContext } from '../../unit/volume/fake-context.js'
import { fakeHost, type Disks } from '../../unit/volume/fake-host.js'
import { fakePrism, type FakePrism } from '../../unit/volume/fake-prism.js'

interface Machine {
  context: FakeContext
  volumes: HostVolumes
  handOver: HandOver
  place: string
  /** As after the plugin was started again: what is in files and on the machine. */
  restart: () => Promise<void>
}

/** A plugin's part in who gets a volume, on a machine in memory, with a real port for other hosts. */
async function machine(name: string, prism: FakePrism, disks: Disks): Promise<Machine> {
  const context = await fakeContext(prism, fakeHost(name, disks))
  const mountFolder = await temporaryFolder()
  const docker = dockerApi(join(mountFolder, 'no-docker.sock'))
  let listen = '127.0.0.1:0'
  const start = async (): Promise<{ volumes: HostVolumes; handOver: HandOver }> => {
    const work = ({ deadline }: { deadline: VolumeContext['deadline'] }): VolumeContext => {
      const pluginAddress = handOver.address()
      return { ...context, deadline, ...(pluginAddress === undefined ? {} : { pluginAddress }) }
    }
    const handOver = await createHandOver({
      settings: () => ({ peer: { listen }, takeOver: { policy: 'take-over', delayMs: 500 } }),
      stateFolder: context.stateFolder,
      context: work,
      containersUsing: (volume, deadline) => docker.containersUsing(volume.name, deadline),
      log: recordingLog(),
      towards: () => Promise.resolve({ host: '127.0.0.1', port: 9440 }),
      volumes: () => volumes,
    })
    const volumes = await openHostVolumes({
      stateFolder: context.stateFolder,
      mountFolder,
      lingerMs: () => 60_000,
      locks: createKeyedLocks(),
      log: recordingLog(),
      context: work,
      acquire: (...request) => handOver.acquire(...request),
      learn: () => undefined,
      retried: () => undefined,
    })
    await handOver.listen()
    listen = handOver.address()?.split('#')[0] ?? ''
    onTestFinished(async () => {
      volumes.stop()
      await handOver.close()
    })
    return { volumes, handOver }
  }
  const found: Machine = {
    context,
    ...(await start()),
    place: join(mountFolder, 'db'),
    async restart() {
      found.volumes.stop()
      await found.handOver.close()
      Object.assign(found, await start())
    },
  }
  return found
}

async function twoMachines() {
  const prism = fakePrism()
  const disks: Disks = new Map()
  const [a, b] = [await machine('a', prism, disks), await machine('b', prism, disks)]
  const { uuid } = await createVolume(a.context, { name: 'db', sizeBytes: 2 ** 30 })
  const target = targetName(await prism.volumeGroup(uuid))
  const volume = { uuid, name: 'db', sizeBytes: 2 ** 30, target, ours: true }
  return { a, b, volume, holder: () => currentHolder(asVolume(prism.groups.get(uuid)!))?.n }
}

test('a volume that lingers is handed over when another host asks', async () => {
  const { a, b, volume, holder } = await twoMachines()
  await a.volumes.mount(volume, 'one', call())
  await expect(b.volumes.mount(volume, 'two', call())).rejects.toThrow(/in use by 1 mount of containers on /)
  await a.volumes.unmount('db', 'one', call())
  await b.volumes.mount(volume, 'two', call())
  expect(holder()).toBe('b')
  expect(a.context.host.mounted).toEqual([])
})

test('a volume mounted by hand is not taken over because a container used it too', async () => {
  const { a, b, volume, holder } = await twoMachines()
  await mkdir(a.place)
  await mountVolume(a.context, { volume: 'db', mountPoint: a.place })
  await a.volumes.mount(volume, 'one', call())
  await a.restart()
  await a.volumes.unmount('db', 'one', call())
  await a.volumes.letGo(volume.uuid, call().deadline)
  await expect(b.volumes.mount(volume, 'two', call())).rejects.toMatchObject({ code: 'EACSHELD' })
  expect(holder()).toBe('a')
  expect(a.context.host.mounted).toHaveLength(1)
})

test('a volume that is here without the plugin knowing why is not taken over', async () => {
  const { a, b, volume, holder } = await twoMachines()
  await a.volumes.mount(volume, 'one', call())
  await rm(join(a.context.stateFolder, 'references'), { recursive: true })
  await a.restart()
  await expect(b.volumes.mount(volume, 'two', call())).rejects.toThrow(/mounted by hand on /)
  expect(holder()).toBe('a')
})
