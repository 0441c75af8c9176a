import { cp } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { isAcsError } from '../../../src/lib/base/errors.js'
import { hardwareUuid } from '../../../src/lib/host/hardware.js'
import { rememberedHolds } from '../../../src/lib/volume/attach-record.js'
import type { Me } from '../../../src/lib/volume/context.js'
import { claim, grant, release, revokeAll, share } from '../../../src/lib/volume/exclusive.js'
import { holdOf, initiatorsOf } from '../../../src/lib/volume/holder.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { fakeContext, type FakeContext } from './fake-context.js'
import { fakeHost } from './fake-host.js'
import { fakePrism, type FakePrism } from './fake-prism.js'

vi.mock('../../../src/lib/host/hardware.js', () => ({ hardwareUuid: vi.fn().mockResolvedValue(undefined) }))

const uuid = 'aaaaaaaa-0000-4000-8000-000000000001'

function me(name: string, bootId = `boot-of-${name}`): Me {
  return { hostName: name, bootId, initiatorName: `iqn.1993-08.org.debian:01:${name}` }
}

async function setUp(): Promise<{ prism: FakePrism; context: FakeContext }> {
  const prism = fakePrism()
  prism.put({ uuid, name: 'db', description: 'do not touch' })
  return { prism, context: await fakeContext(prism, fakeHost('a', new Map())) }
}

async function caught(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  return undefined
}

describe('exclusive attach', () => {
  it('sets the list and the record in one change', async () => {
    const { prism, context } = await setUp()
    const before = prism.groups.get(uuid)!.logicalTimestamp
    await claim(context, uuid, me('a'))
    const volume = asVolume(prism.groups.get(uuid)!)
    expect(volume.group.logicalTimestamp).toBe(before + 1)
    expect(initiatorsOf(volume)).toEqual([me('a').initiatorName])
    expect(volume.trailer?.h).toMatchObject({ n: 'a', b: 'boot-of-a' })
    expect(volume.text).toBe('do not touch')
  })

  it('names the holder, the initiator and the time to whoever comes second', async () => {
    const { context } = await setUp()
    await claim(context, uuid, me('a'))
    const other = await fakeContext(context.prism, fakeHost('b', new Map()))
    const error = await caught(claim(other, uuid, me('b')))
    expect(isAcsError(error, 'EACSHELD') && error.kind).toBe('conflict')
    expect(String(error)).toMatch(/held by a \(iqn\.1993-08\.org\.debian:01:a\) since \d{4}-/)
    expect(error).toMatchObject({ details: { holder: 'a', initiator: me('a').initiatorName } })
  })

  it('is idempotent, and leaves no trace when released', async () => {
    const { prism, context } = await setUp()
    await claim(context, uuid, me('a'))
    const once = prism.groups.get(uuid)!
    await claim(context, uuid, me('a'))
    expect(prism.groups.get(uuid)).toEqual(once)
    await release(context, uuid, me('a').initiatorName)
    await release(context, uuid, me('a').initiatorName)
    expect(prism.groups.get(uuid)).toMatchObject({ description: 'do not touch', attachments: [] })
  })

  it('refuses an initiator that someone let in without a record, even one named as ours', async () => {
    const { prism, context } = await setUp()
    for (const name of ['iqn.2000-01.old.plugin:x', me('a').initiatorName]) {
      prism.put({ ...prism.groups.get(uuid)!, attachments: [{ initiatorName: name }] })
      const error = await caught(claim(context, uuid, me('a')))
      expect(isAcsError(error, 'EACSHELD')).toBe(true)
      expect(String(error)).toContain(name)
    }
  })

  it('refuses a volume on a virtual machine', async () => {
    const { prism, context } = await setUp()
    prism.put({ ...prism.groups.get(uuid)!, attachments: [{ vmUuid: 'vm-1' }] })
    expect(String(await caught(claim(context, uuid, me('a'))))).toContain('virtual machine vm-1')
    expect(isAcsError(await caught(revokeAll(context, uuid)), 'EACSHELD')).toBe(true)
  })

  it('tells a restart from a clone of the machine by the copy of the record', async () => {
    const { context, prism } = await setUp()
    await claim(context, uuid, me('a', 'boot-1'))
    const cloned = await fakeContext(prism, fakeHost('a', new Map()))
    expect(String(await caught(claim(cloned, uuid, me('a', 'boot-2'))))).toMatch(/clone/)
    await claim(context, uuid, me('a', 'boot-2'))
    expect(asVolume(prism.groups.get(uuid)!).trailer?.h?.b).toBe('boot-2')
  })

  it('tells a restart from a clone made while the volume was held, which has the copy too, by the hardware', async () => {
    const { context, prism } = await setUp()
    vi.mocked(hardwareUuid).mockResolvedValue('one')
    await claim(context, uuid, me('a', 'boot-1'))
    const cloned = await fakeContext(prism, fakeHost('a', new Map()))
    await cp(context.stateFolder, cloned.stateFolder, { recursive: true })
    vi.mocked(hardwareUuid).mockResolvedValue('other')
    expect(String(await caught(claim(cloned, uuid, me('a', 'boot-2'))))).toMatch(/clone/)
    expect(asVolume(prism.groups.get(uuid)!).trailer?.h?.b).toBe('boot-1')
    // Where nothing tells the hardware, the copy is what there is.
    for (const hardware of [undefined, 'one']) {
      vi.mocked(hardwareUuid).mockResolvedValue(hardware)
      await claim(context, uuid, me('a', `boot-on-${hardware}`))
      expect(asVolume(prism.groups.get(uuid)!).trailer?.h?.b).toBe(`boot-on-${hardware}`)
    }
  })

  it('stays with a machine that is given another name while it runs', async () => {
    const { context, prism } = await setUp()
    await claim(context, uuid, me('a'))
    const renamed = { ...me('a'), hostName: 'a.example.com' }
    const remembered = await rememberedHolds(context.stateFolder, uuid)
    expect(holdOf(asVolume(prism.groups.get(uuid)!), renamed, remembered).kind).toBe('mine')
    await claim(context, uuid, renamed)
    expect(asVolume(prism.groups.get(uuid)!).trailer?.h?.n).toBe('a')
    // Neither its twin, which has no copy, nor the same machine after a restart, which may be a clone by now.
    expect(holdOf(asVolume(prism.groups.get(uuid)!), renamed).kind).toBe('other')
    expect(holdOf(asVolume(prism.groups.get(uuid)!), { ...renamed, bootId: 'next' }, remembered).kind).toBe('other')
  })

  it('refuses a machine with another name and the same initiator, and its detach cannot harm the holder', async () => {
    const { context, prism } = await setUp()
    await claim(context, uuid, me('a'))
    const twin = { ...me('b'), initiatorName: me('a').initiatorName }
    const twinContext = await fakeContext(prism, fakeHost('b', new Map()))
    expect(String(await caught(claim(twinContext, uuid, twin)))).toMatch(/same initiator name, as cloned machines do/)
    expect(holdOf(asVolume(prism.groups.get(uuid)!), twin).kind).toBe('other')
  })

  it('keeps others in when a shared one leaves', async () => {
    const { context, prism } = await setUp()
    await grant(context, uuid, { initiator: 'iqn.2000-01.x:other' })
    await share(context, uuid, me('a'))
    expect(initiatorsOf(asVolume(prism.groups.get(uuid)!))).toHaveLength(2)
    await release(context, uuid, me('a').initiatorName)
    expect(initiatorsOf(asVolume(prism.groups.get(uuid)!))).toEqual(['iqn.2000-01.x:other'])
  })

  it('grants to an initiator by name only when nobody is in', async () => {
    const { context } = await setUp()
    await grant(context, uuid, { initiator: 'iqn.2000-01.x:one', holderName: 'one' })
    const error = await caught(grant(context, uuid, { initiator: 'iqn.2000-01.x:two' }))
    expect(String(error)).toContain('held by one (iqn.2000-01.x:one)')
  })
})

describe('exclusive attach under any interleaving', () => {
  it('never lets two writers in, and lets exactly one win', async () => {
    const { prism } = await setUp()
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, count) => {
        prism.put({ uuid, name: 'db', description: '' })
        prism.pause = () => scheduler.schedule(Promise.resolve())
        let most = 0
        prism.onAccess = (_uuid, initiators) => {
          most = Math.max(most, initiators.length)
        }
        const machines = await Promise.all(
          Array.from({ length: count }, async (_, index) => {
            const name = `m${index}`
            return { who: me(name), context: await fakeContext(prism, fakeHost(name, new Map())) }
          }),
        )
        const racing = Promise.all(machines.map(({ who, context }) => caught(claim(context, uuid, who))))
        await scheduler.waitFor(racing)
        const errors = (await racing).filter((error) => error !== undefined)
        expect(most).toBe(1)
        expect(errors).toHaveLength(count - 1)
        for (const error of errors) expect(isAcsError(error, 'EACSHELD')).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps to one writer at a time through take-overs and releases', async () => {
    const { prism } = await setUp()
    const action = fc.record({ who: fc.integer({ min: 0, max: 2 }), what: fc.constantFrom('claim', 'take', 'release') })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(action, { maxLength: 8 }), async (scheduler, actions) => {
        prism.put({ uuid, name: 'db', description: '' })
        prism.pause = () => scheduler.schedule(Promise.resolve())
        prism.onAccess = (_uuid, initiators) => expect(initiators.length).toBeLessThan(2)
        const machines = await Promise.all(
          [0, 1, 2].map(async (index) => ({
            who: me(`m${index}`),
            context: await fakeContext(prism, fakeHost(`m${index}`, new Map())),
          })),
        )
        const racing = Promise.all(
          actions.map(async ({ who, what }) => {
            const machine = machines[who]!
            if (what === 'release') return release(machine.context, uuid, machine.who.initiatorName)
            if (what === 'take') await revokeAll(machine.context, uuid).catch(() => undefined)
            return caught(claim(machine.context, uuid, machine.who))
          }),
        )
        await scheduler.waitFor(racing)
        const { attachments, description } = prism.groups.get(uuid)!
        const { trailer } = asVolume(prism.groups.get(uuid)!)
        if (attachments.length === 0) expect(trailer?.h).toBeUndefined()
        else expect(attachments[0]?.initiatorName).toBe(trailer?.h?.i)
        expect(description.match(/acs:/g)?.length ?? 0).toBeLessThan(2)
      }),
      { numRuns: 60 },
    )
  })
})
