import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Me } from '../../../src/lib/volume/context.js'
import { advertise } from '../../../src/lib/volume/advertise.js'
import { claim, grant, release, revokeAll } from '../../../src/lib/volume/exclusive.js'
import { isEntitled, isRecent, startAsking } from '../../../src/lib/volume/hand-over-request.js'
import type { Trailer } from '../../../src/lib/volume/trailer.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { fakeContext, type FakeContext } from './fake-context.js'
import { fakeHost } from './fake-host.js'
import { fakePrism, type FakePrism } from './fake-prism.js'

const uuid = 'aaaaaaaa-0000-4000-8000-000000000001'
const now = Date.parse('2026-05-01T12:00:00Z')

function me(name: string): Me {
  return { hostName: name, bootId: `boot-of-${name}`, initiatorName: `iqn.1993-08.org.debian:01:${name}` }
}

async function setUp(description = 'do not touch'): Promise<{ prism: FakePrism; context: FakeContext }> {
  const prism = fakePrism()
  prism.put({ uuid, name: 'db', description })
  return { prism, context: await fakeContext(prism, fakeHost('a', new Map())) }
}

function trailerIn(prism: FakePrism): Trailer | undefined {
  return asVolume(prism.groups.get(uuid)!).trailer
}

afterEach(() => vi.useRealTimers())

describe('a request in the record of a volume', () => {
  it.each([
    ['now', 0, 'f1', true],
    ['four minutes old', -240_000, 'f1', true],
    ['of a clock four minutes ahead', 240_000, 'f1', true],
    ['of an hour ago', -3_600_000, 'f1', false],
    ['of a clock an hour ahead', 3_600_000, 'f1', false],
    ['of another certificate', 0, 'f2', false],
  ])('%s', (_when, offsetMs, f, expected) => {
    expect(isRecent({ n: 'b', i: 'iqn.b', f, at: new Date(now + offsetMs).toISOString() }, 'f1', now)).toBe(expected)
  })

  it('with no time or none at all permits nothing', () => {
    expect(isRecent({ n: 'b', i: 'iqn.b', f: 'f1', at: 'soon' }, 'f1', now)).toBe(false)
    expect(isRecent(undefined, 'f1', now)).toBe(false)
  })

  it('is written beside what is there, entitles its writer only, and goes without a trace', async () => {
    const { prism, context } = await setUp()
    await claim(context, uuid, me('a'))
    const before = prism.groups.get(uuid)!.description
    const asking = startAsking(context, uuid, me('b'), 'fingerprint-of-b')
    expect(asking.barrier(await asking.write(() => false))).toBe('other')
    expect(prism.groups.get(uuid)!.description).toBe(before)
    expect(asking.barrier(await asking.write(() => true))).toBeUndefined()
    expect(trailerIn(prism)).toMatchObject({ h: { n: 'a' }, q: { n: 'b', i: me('b').initiatorName } })
    expect(await isEntitled(context, uuid, 'fingerprint-of-b')).toBe(true)
    expect(await isEntitled(context, uuid, 'fingerprint-of-c')).toBe(false)
    expect(await isEntitled(context, 'bbbbbbbb-0000-4000-8000-000000000001', 'fingerprint-of-b')).toBe(false)
    await asking.withdraw(context)
    expect(prism.groups.get(uuid)!.description).toBe(before)
  })

  it('is renewed while its writer asks, not at every question, and stands in the way of others until it is abandoned', async () => {
    vi.useFakeTimers({ now, toFake: ['Date', 'performance'] })
    const { prism, context } = await setUp()
    await claim(context, uuid, me('a'))
    const mine = startAsking(context, uuid, me('b'), 'fb')
    const theirs = startAsking(context, uuid, me('c'), 'fc')
    await mine.write(() => true)
    const first = trailerIn(prism)!.q!
    await mine.write(() => true)
    expect(trailerIn(prism)!.q).toEqual(first)
    for (let second = 0; second < 60; second += 10) {
      expect(theirs.barrier(await theirs.write(() => true))).toBe('other')
      vi.advanceTimersByTime(10_000)
      expect(mine.barrier(await mine.write(() => true))).toBeUndefined()
    }
    expect(trailerIn(prism)!.q!.at).toBe('2026-05-01T12:01:00.000Z')
    await theirs.write(() => true)
    vi.advanceTimersByTime(29_000)
    expect(theirs.barrier(await theirs.write(() => true))).toBe('other')
    vi.advanceTimersByTime(1_000)
    expect(theirs.barrier(await theirs.write(() => true))).toBeUndefined()
    // Whoever lost its place does not take another's request back.
    await mine.withdraw(context)
    expect(trailerIn(prism)!.q!.n).toBe('c')
  })

  it('says so where there is no room for it', async () => {
    const { prism, context } = await setUp('x'.repeat(750))
    await claim(context, uuid, me('a'))
    const asking = startAsking(context, uuid, { ...me('b'), hostName: 'b'.repeat(60) }, 'fingerprint-of-b')
    const volume = await asking.write(() => true)
    expect(asking.barrier(volume)).toMatchObject({ code: 'EACSDESCRIPTION' })
    expect(trailerIn(prism)).not.toHaveProperty('q')
  })

  it.each<[string, (context: FakeContext) => Promise<unknown>]>([
    ['the holder lets go', (context) => release(context, uuid, me('a').initiatorName)],
    ['its access is revoked', (context) => revokeAll(context, uuid)],
    [
      'another claims',
      async (context) => {
        await context.prism.revokeInitiator(uuid, me('a').initiatorName)
        await claim(context, uuid, me('b'))
      },
    ],
    [
      'an initiator gets it by name',
      async (context) => {
        await context.prism.revokeInitiator(uuid, me('a').initiatorName)
        await grant(context, uuid, { initiator: 'iqn.2000-01.x:one' })
      },
    ],
  ])('ends when %s', async (_what, act) => {
    const { prism, context } = await setUp()
    await claim(context, uuid, me('a'))
    await startAsking(context, uuid, me('b'), 'fb').write(() => true)
    expect(trailerIn(prism)).toHaveProperty('q')
    await act(context)
    expect(trailerIn(prism) ?? {}).not.toHaveProperty('q')
    expect(asVolume(prism.groups.get(uuid)!).text).toBe('do not touch')
  })
})

describe('revoking one holder', () => {
  it('changes nothing when another has it by now', async () => {
    const { prism, context } = await setUp()
    await claim(context, uuid, me('c'))
    const before = prism.groups.get(uuid)!
    await revokeAll(context, uuid, (volume) => volume.trailer?.h?.n === 'a')
    expect(prism.groups.get(uuid)).toEqual(before)
  })
})

describe('advertise', () => {
  it('corrects the address of a volume held here, and no other', async () => {
    const { prism, context } = await setUp()
    await claim({ ...context, pluginAddress: '10.0.0.1:7440#old' }, uuid, me('a'))
    const since = trailerIn(prism)!.h!.s
    await advertise({ ...context, pluginAddress: '10.0.0.2:7440#new' }, uuid, me('b'))
    expect(trailerIn(prism)!.h!.a).toBe('10.0.0.1:7440#old')
    await advertise(context, uuid, me('a'))
    expect(trailerIn(prism)!.h!.a).toBe('10.0.0.1:7440#old')
    await advertise({ ...context, pluginAddress: '10.0.0.2:7440#new' }, uuid, me('a'))
    expect(trailerIn(prism)!.h).toEqual({
      n: 'a',
      i: me('a').initiatorName,
      b: 'boot-of-a',
      a: '10.0.0.2:7440#new',
      s: since,
    })
    const after = prism.groups.get(uuid)
    await advertise({ ...context, pluginAddress: '10.0.0.2:7440#new' }, uuid, me('a'))
    expect(prism.groups.get(uuid)).toEqual(after)
  })
})
