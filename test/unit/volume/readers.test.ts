import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { AcsError, isAcsError } from '../../../src/lib/base/errors.js'
import { attachVolume, grantVolume } from '../../../src/lib/volume/attach.js'
import { forceDetach } from '../../../src/lib/volume/detach.js'
import type { Me } from '../../../src/lib/volume/context.js'
import { claim, release, revokeAll, share } from '../../../src/lib/volume/exclusive.js'
import { initiatorsOf, readersSince } from '../../../src/lib/volume/holder.js'
import { showVolume } from '../../../src/lib/volume/info.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { admitReaders, claimForReaders, joinReaders } from '../../../src/lib/volume/readers.js'
import { unmountVolume } from '../../../src/lib/volume/unmount.js'
import { updateVolume } from '../../../src/lib/volume/update.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { asVolume, type Volume } from '../../../src/lib/volume/volume.js'
import { Crash, crashAt, fakeContext, temporaryFolder, type FakeContext } from './fake-context.js'
import { fakeHost, type Disks } from './fake-host.js'
import { fakePrism, type FakePrism } from './fake-prism.js'

// Machines do not share a lock; these are several.
vi.mock('../../../src/lib/volume/lock.js', () => ({
  withVolumeLock: <T>(_context: unknown, _uuid: string, _doing: string, work: () => Promise<T>) => work(),
}))

interface Machine {
  context: FakeContext
  me: Me
  mount: (more?: object) => Promise<unknown>
  unmount: () => Promise<unknown>
}

interface Scene {
  prism: FakePrism
  uuid: string
  volume: () => Volume
  machine: (name: string) => Promise<Machine>
}

async function scene(): Promise<Scene> {
  const prism = fakePrism()
  const disks: Disks = new Map()
  const places = await temporaryFolder()
  const machine = async (name: string): Promise<Machine> => {
    const context = await fakeContext(prism, fakeHost(name, disks))
    const mountPoint = join(places, name)
    return {
      context,
      me: { hostName: name, bootId: `boot-of-${name}`, initiatorName: `iqn.1993-08.org.debian:01:${name}` },
      mount: (more = {}) => mountVolume(context, { volume: 'lib', mountPoint, ...more }),
      unmount: () => unmountVolume(context, { volume: 'lib' }),
    }
  }
  const first = await machine('maker')
  const { uuid } = await createVolume(first.context, { name: 'lib', sizeBytes: 2 ** 30, readOnly: true })
  return { prism, uuid, machine, volume: () => asVolume(prism.groups.get(uuid)!) }
}

/** As `scene`, once it was mounted for the first time. */
async function formatted(): Promise<Scene> {
  const made = await scene()
  const maker = await made.machine('maker')
  await maker.mount()
  await maker.unmount()
  return made
}

const crashes = (
  [
    'claim-for-readers',
    'join-readers',
    'attach-disk',
    'replay-journal',
    'mount',
    'admit-readers',
    'unmount',
    'release',
  ] as const
).flatMap((step) => (['before', 'after'] as const).map((when) => [step, when] as const))

/** Dies at a step, if the work comes by it, and is back with what the machine and the cluster have. */
async function crash(
  { context }: Machine,
  step: string,
  when: 'before' | 'after',
  work: () => Promise<unknown>,
): Promise<void> {
  const { prism, host, checkpoint } = context
  crashAt(context, step, when)
  await work().catch((error: unknown) => {
    if (!(error instanceof Crash)) throw error
  })
  Object.assign(context, { prism, host, checkpoint })
}

async function caught(work: Promise<unknown>): Promise<AcsError> {
  try {
    await work
  } catch (error) {
    if (error instanceof AcsError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a read-only volume', () => {
  it('is written at its first mount, by one machine alone', async () => {
    const { machine, volume } = await scene()
    const [a, b] = [await machine('a'), await machine('b')]
    expect(await a.mount()).toMatchObject({ formatted: true })
    expect(a.context.host.mounted[0]?.options).toEqual(['rw'])
    expect(await caught(b.mount())).toMatchObject({ code: 'EACSHELD' })
    // Again is no change, though it is a read-only volume now.
    expect(await a.mount()).toMatchObject({ changed: false })
    expect(volume().trailer).toMatchObject({ h: { n: 'a' } })
    await a.unmount()
    expect(volume().trailer).not.toHaveProperty('h')
  })

  it('is read by many after that: the first replays the journal, and no mount does', async () => {
    const { machine, volume } = await formatted()
    const [a, b, c] = [await machine('a'), await machine('b'), await machine('c')]
    for (const reader of [a, b, c]) await reader.mount()
    expect(initiatorsOf(volume())).toEqual([a, b, c].map(({ me }) => me.initiatorName))
    expect(volume().trailer).not.toHaveProperty('h')
    expect(readersSince(volume())).toMatch(/^20/)
    expect(a.context.host.calls).toEqual(['attach', 'replayJournal', 'mount'])
    for (const { context } of [b, c]) expect(context.host.calls).toEqual(['attach', 'mount'])
    for (const { context } of [a, b, c]) expect(context.host.mounted[0]?.options).toEqual(['ro', 'noload'])
    expect(await b.mount()).toMatchObject({ changed: false })
    expect(await showVolume(a.context, 'lib')).toMatchObject({ state: 'read', initiators: initiatorsOf(volume()) })

    for (const reader of [b, a, c]) await reader.unmount()
    expect(volume().group.attachments).toEqual([])
    expect(volume().trailer).toEqual({ v: 1, fs: 'ext4', c: 'maker', ro: true })
    for (const { context } of [a, b, c]) expect(context.host.attachedDisks).toEqual([])
  })

  it('is not written while anyone reads, and not read while anyone writes', async () => {
    const { machine, prism, uuid } = await formatted()
    const [a, b] = [await machine('a'), await machine('b')]
    await a.mount()
    const attach = (takeOver = false) => attachVolume(b.context, { volume: 'lib', takeOver })
    const error = await caught(attach())
    expect(error).toMatchObject({ code: 'EACSHELD', kind: 'conflict' })
    expect(error.message).toMatch(/held by reader iqn\.1993-08\.org\.debian:01:a since 20/)
    expect(await caught(grantVolume(b.context, { volume: 'lib', initiator: a.me.initiatorName }))).toMatchObject({
      code: 'EACSHELD',
    })
    await updateVolume(b.context, { volume: 'lib', readOnly: false })
    expect(await caught(b.mount())).toMatchObject({ code: 'EACSHELD' })
    // Not even by the one that reads it.
    expect(await caught(attachVolume(a.context, { volume: 'lib' }))).toMatchObject({ code: 'EACSHELD' })
    await a.unmount()
    await b.mount()
    expect(b.context.host.mounted[0]?.options).toEqual(['rw'])
    await updateVolume(b.context, { volume: 'lib', readOnly: true })
    expect(await caught(a.mount())).toMatchObject({ code: 'EACSHELD', details: { holder: 'b' } })
    expect(prism.groups.get(uuid)?.attachments).toHaveLength(1)
    await b.unmount()
    await a.mount()
    await attach(true)
    expect(prism.groups.get(uuid)?.attachments).toEqual([{ initiatorName: b.me.initiatorName }])
  })

  it('opens at once for machines that begin together', async () => {
    const { machine, volume } = await formatted()
    const readers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => machine(name)))
    await Promise.all(readers.map((reader) => reader.mount()))
    expect(initiatorsOf(volume())).toHaveLength(4)
    expect(readers.filter(({ context }) => context.host.calls.includes('replayJournal'))).toHaveLength(1)
    await Promise.all(readers.map((reader) => reader.unmount()))
    expect(volume().group.attachments).toEqual([])
    expect(volume().trailer).not.toHaveProperty('rd')
  })

  it.each(crashes)('goes on after a crash of the first reader: %s, %s', async (step, when) => {
    const { machine, volume } = await formatted()
    const [a, b] = [await machine('a'), await machine('b')]
    await crash(a, step, when, () => a.mount())
    await a.mount()
    await b.mount()
    expect(initiatorsOf(volume())).toHaveLength(2)
    expect(volume().trailer).not.toHaveProperty('h')
    expect(a.context.host.mounted).toHaveLength(1)
    await crash(a, step, when, () => a.unmount())
    await a.unmount()
    expect(initiatorsOf(volume())).toEqual([b.me.initiatorName])
    await b.unmount()
    expect(volume().trailer).toEqual({ v: 1, fs: 'ext4', c: 'maker', ro: true })
  })

  it.each(crashes)('goes on after a crash of one more reader: %s, %s', async (step, when) => {
    const { machine, volume } = await formatted()
    const [a, b] = [await machine('a'), await machine('b')]
    await a.mount()
    await crash(b, step, when, () => b.mount())
    await b.mount()
    expect(initiatorsOf(volume())).toHaveLength(2)
    expect(b.context.host.mounted).toHaveLength(1)
    expect(b.context.host.mounted[0]?.options).toContain('noload')
  })

  it('is taken for what it is by whoever is let in otherwise', async () => {
    const { machine, volume, uuid } = await formatted()
    const [a, b] = [await machine('a'), await machine('b')]
    await a.mount()
    await share(b.context, uuid, b.me)
    // Somebody may write now: no more readers.
    expect(readersSince(volume())).toBeUndefined()
    const c = await machine('c')
    expect(await caught(c.mount())).toMatchObject({ code: 'EACSHELD' })
    await a.unmount()
    expect(initiatorsOf(volume())).toEqual([b.me.initiatorName])
  })

  it('does not let a machine with the same initiator name in among readers, nor harm them', async () => {
    const { machine, volume } = await formatted()
    const [a, twin] = [await machine('a'), await machine('twin')]
    twin.context.host.initiatorName = a.me.initiatorName
    await a.mount()
    expect(await caught(twin.mount())).toMatchObject({ code: 'EACSHELD' })
    await caught(twin.unmount()).catch(() => undefined)
    expect(initiatorsOf(volume())).toEqual([a.me.initiatorName])
    expect(await caught(forceDetach(a.context, { volume: 'lib', initiator: a.me.initiatorName }))).toMatchObject({
      code: 'EACSATTACHED',
    })
  })

  it('is not opened while anything here may write to it', async () => {
    const { machine, volume } = await formatted()
    const a = await machine('a')
    const { host } = a.context
    const mount = host.mount.bind(host)
    host.mount = async (request, deadline) => {
      await mount(request, deadline)
      host.mounted.push({ ...host.mounted[0]!, mountPoint: '/by/someone/else', options: ['rw'] })
    }
    expect(await caught(a.mount())).toMatchObject({ code: 'EACSMOUNTED' })
    expect(readersSince(volume())).toBeUndefined()
    expect(volume().group.attachments).toEqual([])
  })
})

describe('readers and writers under any interleaving', () => {
  it('never are in together', async () => {
    const uuid = 'aaaaaaaa-0000-4000-8000-000000000001'
    const action = fc.record({
      who: fc.integer({ min: 0, max: 3 }),
      what: fc.constantFrom('read', 'read', 'write', 'release', 'take'),
    })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(action, { minLength: 2, maxLength: 8 }), async (scheduler, actions) => {
        const prism = fakePrism()
        prism.put({ uuid, name: 'lib', description: 'acs:{"v":1,"fs":"ext4","ro":true}' })
        prism.pause = () => scheduler.schedule(Promise.resolve())
        const look = (): Volume => asVolume(prism.groups.get(uuid)!)
        const stateOf = (now: Volume): 'free' | 'read' | 'opening' | 'written' => {
          if (now.group.attachments.length === 0) return 'free'
          if (now.trailer?.h === undefined) return 'read'
          return readersSince(now) === undefined ? 'written' : 'opening'
        }
        let before = stateOf(look())
        prism.onAccess = () => {
          const now = look()
          const state = stateOf(now)
          if (state === 'read') expect(readersSince(now)).toBeDefined()
          else expect(now.group.attachments.length).toBeLessThan(2)
          // Between readers and a writer there is a moment when nobody is let in.
          if (before === 'read') expect(['read', 'free']).toContain(state)
          if (before === 'written') expect(state).not.toBe('read')
          before = state
        }
        const machines = await Promise.all(
          [0, 1, 2, 3].map(async (index) => ({
            me: { hostName: `m${index}`, bootId: `b${index}`, initiatorName: `iqn.1993-08.org.debian:01:m${index}` },
            context: await fakeContext(prism, fakeHost(`m${index}`, new Map())),
          })),
        )
        const read = async ({ context, me }: (typeof machines)[number]): Promise<void> => {
          try {
            await claimForReaders(context, uuid, me)
            await admitReaders(context, uuid, me)
          } catch (error) {
            if (!isAcsError(error, 'EACSHELD') && !isAcsError(error, 'EACSCHANGED')) throw error
            await joinReaders(context, uuid, me)
          }
        }
        const racing = Promise.all(
          actions.map(async ({ who, what }) => {
            const machine = machines[who]!
            const { context, me } = machine
            try {
              if (what === 'read') await read(machine)
              else if (what === 'write') await claim(context, uuid, me)
              else if (what === 'take') await revokeAll(context, uuid)
              else await release(context, uuid, me.initiatorName)
            } catch (error) {
              if (!isAcsError(error)) throw error
              expect(['EACSHELD', 'EACSCHANGED', 'EACSREVOKE']).toContain(error.code)
            }
          }),
        )
        await scheduler.waitFor(racing)
        const { group, trailer } = look()
        if (group.attachments.length === 0) expect(trailer).toEqual({ v: 1, fs: 'ext4', ro: true })
        else expect(trailer?.h ?? trailer?.rd).toBeDefined()
      }),
      { numRuns: 100 },
    )
  })
})
