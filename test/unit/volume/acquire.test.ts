import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { acquire, type AcquireRequest, type Ask } from '../../../src/lib/volume/acquire.js'
import type { Me } from '../../../src/lib/volume/context.js'
import { claim, grant, release, share } from '../../../src/lib/volume/exclusive.js'
import { isEntitled } from '../../../src/lib/volume/hand-over-request.js'
import { createSilences } from '../../../src/lib/volume/silences.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import type { Trailer } from '../../../src/lib/volume/trailer.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { fakeContext, type FakeContext } from './fake-context.js'
import { fakeHost } from './fake-host.js'
import { fakePrism, type FakePrism } from './fake-prism.js'

const uuid = 'aaaaaaaa-0000-4000-8000-000000000001'

function me(name: string): Me {
  return { hostName: name, bootId: `boot-of-${name}`, initiatorName: `iqn.1993-08.org.debian:01:${name}` }
}

function silent(): Promise<never> {
  return Promise.reject(new AcsError('timeout', 'EACSPEERSILENT', 'its plugin does not answer'))
}

// Pauses take no time here: the clock goes to the next timer at once.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }).setTimerTickMode('nextTimerAsync')
})
afterEach(() => vi.useRealTimers())

interface House {
  prism: FakePrism
  on: (name: string) => Promise<FakeContext>
  trailer: (id?: string) => Trailer | undefined
  /** Host `name` wants the volume by claiming it, with this answer of whoever holds it. */
  want: (name: string, ask: Ask, more?: Partial<AcquireRequest>, timeoutMs?: number) => Promise<string>
}

/** Machine a holds the volume, as its plugin does. */
async function house(options: { held?: boolean; id?: string } = {}): Promise<House> {
  const { id = uuid } = options
  const prism = fakePrism()
  prism.put({ uuid: id, name: 'db', description: 'do not touch' })
  const on = async (name: string): Promise<FakeContext> => ({
    ...(await fakeContext(prism, fakeHost(name, new Map()))),
    pluginAddress: `${name}:7440#f-${name}`,
  })
  if (options.held !== false) await claim(await on('a'), id, me('a'))
  return {
    prism,
    on,
    trailer: (which = id) => asVolume(prism.groups.get(which)!).trailer,
    async want(name, ask, more = {}, timeoutMs = 20_000) {
      const context = { ...(await on(name)), deadline: deadlineIn(timeoutMs) }
      const request = { uuid: id, me: me(name), fingerprint: `f-${name}`, policy: 'take-over', delayMs: 300 } as const
      const volume = await acquire(context, { ...request, ask, ...more }, () => claim(context, id, me(name)))
      return volume.trailer?.h?.n ?? ''
    },
  }
}

describe('acquiring a volume that another plugin holds', () => {
  it('asks nobody for a free one', async () => {
    const { want, trailer } = await house({ held: false })
    expect(await want('b', () => Promise.reject(new Error('asked')))).toBe('b')
    expect(trailer()).not.toHaveProperty('q')
  })

  it('is handed it over by a holder that sees the request', async () => {
    const { want, on, trailer } = await house()
    const a = await on('a')
    const questions: unknown[] = []
    const winner = await want('b', async ({ address, volume }) => {
      questions.push({ address, volume })
      expect(await isEntitled(a, uuid, 'f-b')).toBe(true)
      await release(a, uuid, me('a').initiatorName)
      return { state: 'released' }
    })
    expect(winner).toBe('b')
    expect(questions).toEqual([{ address: 'a:7440#f-a', volume: { uuid, name: 'db' } }])
    expect(trailer()).not.toHaveProperty('q')
  })

  it('waits for a holder that is busy', async () => {
    const { want, on } = await house()
    const a = await on('a')
    let asked = 0
    const ask: Ask = async () => {
      asked += 1
      if (asked < 3) return { state: 'busy', retryAfterMs: 100 }
      await release(a, uuid, me('a').initiatorName)
      return { state: 'released' }
    }
    expect(await want('b', ask, { policy: 'refuse' })).toBe('b')
    expect(asked).toBe(3)
  })

  it.each(['take-over', 'refuse'] as const)('is refused with its words while it is in use (%s)', async (policy) => {
    const { want, prism, trailer } = await house()
    const text = 'in use by container web on host a'
    const refused = want('b', () => Promise.resolve({ state: 'in-use', by: ['web'], text }), { policy })
    await expect(refused).rejects.toMatchObject({
      code: 'EACSHELD',
      kind: 'conflict',
      message: expect.stringMatching(
        /^volume "db" is held by a \(iqn.*\) since 2.*: in use by container web on host a$/,
      ) as unknown,
      hints: expect.arrayContaining([expect.stringContaining('acs volume explain db')]) as unknown,
    })
    expect(trailer()).toMatchObject({ h: { n: 'a' } })
    expect(trailer()).not.toHaveProperty('q')
    expect(prism.groups.get(uuid)!.attachments).toHaveLength(1)
  })

  it('waits, with that policy, until a container ends', async () => {
    const { want, on } = await house()
    const a = await on('a')
    let asked = 0
    const ask: Ask = async () => {
      asked += 1
      if (asked === 1) return { state: 'in-use', by: ['web'], text: 'in use by container web' }
      await release(a, uuid, me('a').initiatorName)
      return { state: 'released' }
    }
    expect(await want('b', ask, { policy: 'wait' })).toBe('b')
  })

  it('waits no longer than it may, and says for whom', async () => {
    const { want } = await house()
    const ask: Ask = () => Promise.resolve({ state: 'in-use', by: [], text: 'in use by container web' })
    const started = performance.now()
    await expect(want('b', ask, { policy: 'wait' }, 3_500)).rejects.toMatchObject({
      code: 'EACSHELD',
      message: expect.stringContaining('in use by container web') as unknown,
    })
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('takes it from a silent one after the delay, by revoking before claiming', async () => {
    const { want, prism, trailer } = await house()
    const seen: string[][] = []
    prism.onAccess = (_uuid, initiators) => seen.push(initiators)
    const started = performance.now()
    expect(await want('b', silent)).toBe('b')
    expect(performance.now() - started).toBeGreaterThanOrEqual(300)
    const [a, b] = [me('a').initiatorName, me('b').initiatorName]
    // The request and its like leave the list alone; then nobody, then b.
    expect(seen.slice(-3)).toEqual([[a], [], [b]])
    expect(trailer()).not.toHaveProperty('q')
  })

  it.each(['refuse', 'wait'] as const)('never takes it with policy %s', async (policy) => {
    const { want, trailer } = await house()
    await expect(want('b', silent, { policy }, 3_500)).rejects.toMatchObject({ code: 'EACSHELD' })
    expect(trailer()).toMatchObject({ h: { n: 'a' } })
  })

  it('counts somebody else at its address as silence, and no more', async () => {
    const { want } = await house()
    const impostor: Ask = () => Promise.reject(new AcsError('auth', 'EACSPEERUNTRUSTED', 'not its plugin'))
    const started = performance.now()
    expect(await want('b', impostor)).toBe('b')
    expect(performance.now() - started).toBeGreaterThanOrEqual(300)
  })

  it('starts the delay anew with every sign of life', async () => {
    const { want, trailer } = await house()
    let asked = 0
    const ask: Ask = () => {
      asked += 1
      return asked % 2 === 1 ? silent() : Promise.reject(new AcsError('failed', 'EACSPEERFAILED', 'answered 500'))
    }
    await expect(want('b', ask, { delayMs: 100 }, 5_000)).rejects.toMatchObject({ code: 'EACSHELD' })
    expect(trailer()).toMatchObject({ h: { n: 'a' } })
    expect(asked).toBeGreaterThan(3)
  })

  it('counts silence over several short calls, as Podman makes them', async () => {
    const { want, trailer } = await house()
    const silences = createSilences()
    const calls: Promise<string>[] = []
    for (let call = 0; call < 20 && trailer()?.h?.n === 'a'; call += 1) {
      const wanted = want('b', silent, { silences, delayMs: 900 }, 2_800)
      calls.push(wanted)
      await wanted.catch(() => undefined)
    }
    expect(calls.length).toBeGreaterThan(1)
    await expect(calls[0]).rejects.toThrow(/does not answer, for \d s now \(its volumes are taken over after 1 s\)/)
    expect(await calls.at(-1)).toBe('b')
  })

  it('does not take it from whoever got it meanwhile', async () => {
    const { want, on, prism, trailer } = await house()
    const c = await on('c')
    let asked = 0
    const asker: Ask = async ({ address }) => {
      if (address.startsWith('c:')) return { state: 'in-use', by: ['db'], text: 'in use by container db on c' }
      asked += 1
      if (asked === 2) {
        // Right after the last silence of a, before b can revoke anything.
        await prism.revokeInitiator(uuid, me('a').initiatorName)
        await claim(c, uuid, me('c'))
      }
      return silent()
    }
    await expect(want('b', asker, { delayMs: 0 })).rejects.toThrow(/held by c .*in use by container db on c/)
    expect(trailer()).toMatchObject({ h: { n: 'c' } })
  })

  it('asks whoever comes first after a revocation', async () => {
    const { want, on, prism, trailer } = await house()
    const [c, first] = [await on('c'), prism.groups.get(uuid)!]
    await prism.revokeInitiator(uuid, me('a').initiatorName)
    await claim(c, uuid, me('c'))
    const byC = prism.groups.get(uuid)!
    prism.put(first)
    prism.onAccess = (_uuid, initiators) => {
      if (initiators.length > 0) return
      delete prism.onAccess
      prism.put(byC)
    }
    const asker: Ask = ({ address }) => {
      if (address.startsWith('a:')) return silent()
      return Promise.resolve({ state: 'in-use', by: ['db'], text: 'in use by container db on c' })
    }
    await expect(want('b', asker, { delayMs: 0 })).rejects.toThrow(/held by c .*in use by container db on c/)
    expect(trailer()).toMatchObject({ h: { n: 'c' } })
  })

  it('takes a leftover of a holder that does not have the volume', async () => {
    const { want, trailer } = await house()
    const notHeld: Ask = () => Promise.resolve({ state: 'not-held' })
    await expect(want('b', notHeld, { policy: 'refuse' })).rejects.toThrow(/says that it does not have the volume/)
    expect(trailer()).toMatchObject({ h: { n: 'a' } })
    expect(await want('b', notHeld)).toBe('b')
  })

  it('waits for its turn when another host asks already, and then gets to ask', async () => {
    const { want, on, prism, trailer } = await house()
    const a = await on('a')
    const group = prism.groups.get(uuid)!
    const q = { n: 'c', i: 'iqn.c', f: 'f-c', at: new Date().toISOString() }
    prism.put({ ...group, description: group.description.replace('{"v":1', `{"v":1,"q":${JSON.stringify(q)}`) })
    expect(trailer()?.q?.n).toBe('c')
    let turns = 0
    const ask: Ask = async () => {
      if (await isEntitled(a, uuid, 'f-b')) {
        await release(a, uuid, me('a').initiatorName)
        return { state: 'released' }
      }
      turns += 1
      if (turns === 8) {
        const now = prism.groups.get(uuid)!
        prism.put({ ...now, description: now.description.replace(/"q":\{[^}]*\},?/, '') })
      }
      throw new AcsError('auth', 'EACSPEERREFUSED', 'no request')
    }
    expect(await want('b', ask)).toBe('b')
    expect(turns).toBe(8)
  })

  it('refuses when the holder sees no request though it is there', async () => {
    const { want } = await house()
    const ask: Ask = () => Promise.reject(new AcsError('auth', 'EACSPEERREFUSED', 'found no recent request'))
    await expect(want('b', ask)).rejects.toMatchObject({
      code: 'EACSHELD',
      message: expect.stringContaining('found no recent request') as unknown,
      cause: expect.objectContaining({ code: 'EACSPEERREFUSED' }) as unknown,
    })
  })

  it('passes on what is no refusal, and takes its request back', async () => {
    const { on, trailer } = await house()
    const b = await on('b')
    const request = { uuid, me: me('b'), fingerprint: 'f-b', policy: 'take-over', delayMs: 100, ask: silent } as const
    let tried = 0
    const work = acquire(b, request, () => {
      tried += 1
      if (tried === 1) return claim(b, uuid, me('b'))
      return Promise.reject(new AcsError('failed', 'EACSMOUNT', 'no such filesystem'))
    })
    await expect(work).rejects.toMatchObject({ code: 'EACSMOUNT' })
    expect(trailer() ?? {}).not.toHaveProperty('q')
  })

  it('ends with Ctrl-C, without leaving its request', async () => {
    const { on, trailer } = await house()
    const cancel = new AbortController()
    const b = { ...(await on('b')), deadline: deadlineIn(20_000, cancel.signal) }
    const ask: Ask = () => {
      cancel.abort()
      return Promise.resolve({ state: 'busy', retryAfterMs: 5_000 })
    }
    const request = { uuid, me: me('b'), fingerprint: 'f-b', policy: 'wait', delayMs: 0, ask } as const
    await expect(acquire(b, request, () => claim(b, uuid, me('b')))).rejects.toMatchObject({ code: 'EACSINTERRUPTED' })
    expect(trailer()).not.toHaveProperty('q')
  })
})

describe('a volume whose holder cannot be asked', () => {
  const never: Ask = () => Promise.reject(new Error('it was asked'))

  it('is refused at once when it was attached by hand, with the command', async () => {
    const { want, on, prism } = await house({ held: false })
    await claim({ ...(await on('a')), pluginAddress: undefined }, uuid, me('a'))
    const before = prism.groups.get(uuid)!
    await expect(want('b', never, { delayMs: 0 })).rejects.toMatchObject({
      code: 'EACSHELD',
      message: expect.stringMatching(/held by a \(iqn.*by hand: no volume plugin there can be asked for it/) as unknown,
      hints: [
        'On a: acs volume unmount db',
        expect.stringContaining('acs volume explain db'),
        expect.stringContaining('--take-over'),
      ],
    })
    expect(prism.groups.get(uuid)).toEqual(before)
  })

  it.each<[string, (house: House) => Promise<unknown>]>([
    ['an initiator by name', async ({ on }) => grant(await on('a'), uuid, { initiator: 'iqn.2000-01.x:one' })],
    [
      'an initiator without a record',
      ({ prism }) =>
        Promise.resolve(prism.put({ ...prism.groups.get(uuid)!, attachments: [{ initiatorName: 'iqn.x' }] })),
    ],
    [
      'a virtual machine',
      ({ prism }) => Promise.resolve(prism.put({ ...prism.groups.get(uuid)!, attachments: [{ vmUuid: 'vm-1' }] })),
    ],
    [
      'a plugin and someone else',
      async ({ on, prism }) => {
        await claim(await on('a'), uuid, me('a'))
        await prism.allowInitiator(uuid, { clientAddress: 'iqn.2000-01.x:one' })
      },
    ],
    [
      'a machine with the same initiator',
      async ({ on }) => claim(await on('a'), uuid, { ...me('a'), initiatorName: me('b').initiatorName }),
    ],
    ['a machine like this one', async ({ on }) => claim(await on('b'), uuid, { ...me('b'), bootId: 'another' })],
  ])('is refused at once when it is %s', async (_who, hold) => {
    const lab = await house({ held: false })
    await hold(lab)
    const before = lab.prism.groups.get(uuid)!
    await expect(lab.want('b', never, { delayMs: 0 })).rejects.toMatchObject({ code: 'EACSHELD' })
    expect(lab.prism.groups.get(uuid)).toEqual(before)
  })

  it('is refused when this machine has it beside others', async () => {
    const { on } = await house()
    const b = await on('b')
    await share(b, uuid, me('b'))
    const request = { uuid, me: me('b'), fingerprint: 'f', policy: 'take-over', delayMs: 0, ask: never } as const
    await expect(acquire(b, request, () => claim(b, uuid, me('b')))).rejects.toMatchObject({ code: 'EACSHELD' })
  })
})

describe('several hosts that want one volume of a silent holder', () => {
  it('get it one at a time, never two at once, and the others are told who has it now', async () => {
    const rounds = Array.from({ length: 25 }, async (_, round) => {
      const id = `aaaaaaaa-0000-4000-8000-${round.toString().padStart(12, '0')}`
      const { prism, want, trailer } = await house({ id })
      prism.pause = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 8))
      prism.onAccess = (_uuid, initiators) => expect(initiators.length).toBeLessThan(2)
      const ask: Ask = ({ address }) => {
        if (address.startsWith('a:')) return silent()
        const text = `in use on ${address.slice(0, 1)}`
        return Promise.resolve({ state: 'in-use', by: [], text })
      }
      const names = ['b', 'c', 'd']
      const outcomes = await Promise.allSettled(names.map((name) => want(name, ask, { delayMs: 10 })))
      const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      expect(winners).toHaveLength(1)
      expect(trailer()).toMatchObject({ h: { n: winners[0] } })
      expect(trailer()).not.toHaveProperty('q')
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') {
          expect(outcome.reason).toMatchObject({ code: 'EACSHELD' })
          expect(String(outcome.reason)).toContain(`in use on ${winners[0]}`)
        }
      return winners[0]
    })
    expect(new Set(await Promise.all(rounds)).size).toBeGreaterThan(1)
  })
})

describe('acquire around a mount', () => {
  it('mounts what was handed over', async () => {
    const { on, prism } = await house()
    const [a, b] = [await on('a'), await on('b')]
    prism.put({ ...prism.groups.get(uuid)! })
    const ask: Ask = async () => {
      await release(a, uuid, me('a').initiatorName)
      return { state: 'released' }
    }
    const request = { uuid, me: me('b'), fingerprint: 'f-b', policy: 'take-over', delayMs: 100, ask } as const
    const work = acquire(b, request, () => mountVolume(b, { volume: uuid, mountPoint: `${b.stateFolder}/m` }))
    // The fake disk is blank and the group not ours: what counts is that the planner got past the hold.
    await expect(work).rejects.toMatchObject({ code: 'EACSNOFILESYSTEM' })
    expect(b.host.calls).toContain('attach')
    expect(prism.groups.get(uuid)!.attachments).toEqual([])
  })
})
