import { expect, it, vi } from 'vitest'
import type { KnownVolumes } from '../../../src/lib/plugin/known-volumes.js'
import { checkHeldVolumes } from '../../../src/lib/plugin/watch.js'
import { revokeAll } from '../../../src/lib/volume/exclusive.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { unmountVolume } from '../../../src/lib/volume/unmount.js'
import { updateVolume } from '../../../src/lib/volume/update.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { call, scene } from './scene.js'

it('a volume that this host reads beside others is its own, until it is let in no more', async () => {
  const { context, volume, volumes, log } = await scene()
  await mountVolume(context, { volume: 'db', mountPoint: `${context.stateFolder}/first` })
  await unmountVolume(context, { volume: 'db' })
  await updateVolume(context, { volume: 'db', readOnly: true })
  await volumes.mount(volume, 'a'.repeat(64), call())
  const known = { learn: () => undefined } as unknown as KnownVolumes
  const look = () => checkHeldVolumes({ volumes, known, context: () => context, log })
  await look()
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
  expect(context.host.mounted).toHaveLength(1)
  await revokeAll(context, volume.uuid)
  await look()
  expect(log.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'lost the volume' }))
})

it('a volume is not lost when its machine is given another name', async () => {
  const { context, volume, volumes, log } = await scene()
  await volumes.mount(volume, 'a'.repeat(64), call())
  const { bootId } = await context.host.identity()
  context.host.identity = () => Promise.resolve({ hostName: 'a.example.com', bootId })
  const known = { learn: () => undefined } as unknown as KnownVolumes
  await checkHeldVolumes({ volumes, known, context: () => context, log })
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
  expect(context.host.mounted).toHaveLength(1)
})

it('a volume that was mounted before the plugin knew its address gets the address into its record', async () => {
  const { prism, context, volume, volumes, log } = await scene()
  await volumes.mount(volume, 'a'.repeat(64), call())
  const holder = () => asVolume(prism.groups.get(volume.uuid)!).trailer?.h
  expect(holder()?.a).toBeUndefined()
  const known = { learn: () => undefined } as unknown as KnownVolumes
  const look = () =>
    checkHeldVolumes({ volumes, known, context: () => ({ ...context, pluginAddress: 'a:7440#x' }), log })
  await look()
  expect(holder()).toMatchObject({ n: 'a', a: 'a:7440#x' })
  const { logicalTimestamp } = prism.groups.get(volume.uuid)!
  await look()
  expect(prism.groups.get(volume.uuid)!.logicalTimestamp).toBe(logicalTimestamp)
})

it('a disk whose daemon has ended is lost, but not while the plugin itself is detaching it', async () => {
  const { context, volume, volumes, log } = await scene({ lingerMs: 60_000 })
  await volumes.mount(volume, 'a'.repeat(64), call())
  const initiator = await context.host.initiator('auto', context.deadline)
  initiator.broken = () => Promise.resolve([volume.target])
  const known = { learn: () => undefined } as unknown as KnownVolumes
  const look = () => checkHeldVolumes({ volumes, known, context: () => context, log })
  await volumes.unmount('db', 'a'.repeat(64), call())
  let go: (() => void) | undefined
  const detach = initiator.detach.bind(initiator)
  initiator.detach = async (...disk) => {
    await new Promise<void>((resolve) => (go = resolve))
    await detach(...disk)
  }
  const detaching = volumes.letGo(volume.uuid, context.deadline)
  await vi.waitFor(() => expect(go).toBeDefined())
  await look()
  expect(volumes.isLost(volume.uuid)).toBe(false)
  go?.()
  await detaching
  initiator.detach = detach
  await volumes.mount(volume, 'b'.repeat(64), call())
  await look()
  expect(log.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'lost the volume' }))
})
