import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { formatPeerAddress, parsePeerAddress } from '../../../src/lib/plugin/peer/address.js'
import { askHolder } from '../../../src/lib/plugin/peer/client.js'
import { advertise } from '../../../src/lib/volume/advertise.js'
import { changeVolume, withRecord } from '../../../src/lib/volume/change.js'
import { startPeerLab, type PeerHost, type PeerLab } from './peer-lab.js'

let lab: PeerLab
beforeAll(async () => {
  lab = await startPeerLab()
})
afterAll(() => lab.close())

let number = 0

/** A volume that host a holds, and a host b. */
async function held(): Promise<{ uuid: string; a: PeerHost; b: PeerHost }> {
  number += 1
  const uuid = await lab.createVolume(`db${number}`)
  const a = await lab.host(`a${number}`)
  const b = await lab.host(`b${number}`)
  await a.claim(uuid)
  return { uuid, a, b }
}

/** Asks as acquire does, without it. */
function ask(asker: PeerHost, holder: PeerHost, uuid: string, address = holder.address): Promise<unknown> {
  const { identity } = asker
  return askHolder({ address, identity, volume: { uuid, name: 'db' }, deadline: deadlineIn(10_000), connectMs: 500 })
}

async function writeRequest(host: PeerHost, uuid: string, at: Date, fingerprint?: string): Promise<void> {
  const { me, identity } = host
  const q = { n: me.hostName, i: me.initiatorName, f: fingerprint ?? identity.fingerprint, at: at.toISOString() }
  await changeVolume(host.context(), uuid, (volume) => ({
    description: withRecord(volume, (trailer) => ({ ...trailer, q })),
  }))
}

async function listening(onConnection: Parameters<typeof createServer>[1]): Promise<{ server: Server; port: number }> {
  const server = createServer({}, onConnection)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return { server, port: address.port }
}

describe('a volume that another plugin holds', () => {
  it('is handed over at once when nothing uses it', async () => {
    const { uuid, a, b } = await held()
    expect((await lab.trailer(uuid)).h?.a).toBe(a.address)
    const started = performance.now()
    expect(await b.want(uuid, { delayMs: 60_000 })).toBe(b.name)
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(a.asked).toEqual([uuid])
    expect(await lab.initiators(uuid)).toEqual([b.me.initiatorName])
    const trailer = await lab.trailer(uuid)
    expect(trailer.h).toMatchObject({ n: b.name, a: b.address })
    expect(trailer).not.toHaveProperty('q')
  })

  it('stays while a container uses it, and the other host is told which', async () => {
    const { uuid, a, b } = await held()
    a.uses.set(uuid, 'container web (3f2a)')
    for (const policy of ['take-over', 'refuse'] as const)
      await expect(b.want(uuid, { policy, delayMs: 0 })).rejects.toMatchObject({
        code: 'EACSHELD',
        message: expect.stringContaining(`: in use by container web (3f2a) on host ${a.name}`) as unknown,
      })
    expect(await lab.initiators(uuid)).toEqual([a.me.initiatorName])
    expect(await lab.trailer(uuid)).not.toHaveProperty('q')
  })

  it('is waited for, with that policy, until the container ends', async () => {
    const { uuid, a, b } = await held()
    a.uses.set(uuid, 'container web (3f2a)')
    const wanted = b.want(uuid, { policy: 'wait' })
    await expect.poll(() => a.asked.length, { timeout: 5_000 }).toBeGreaterThan(1)
    a.uses.delete(uuid)
    expect(await wanted).toBe(b.name)
  })

  it('goes to and fro', async () => {
    const { uuid, a, b } = await held()
    for (let round = 0; round < 10; round += 1) {
      expect(await b.want(uuid)).toBe(b.name)
      expect(await a.want(uuid)).toBe(a.name)
    }
    expect(await lab.initiators(uuid)).toEqual([a.me.initiatorName])
  })

  it('is taken from a plugin that does not answer, after the delay and not before', async () => {
    const { uuid, a, b } = await held()
    await a.server.close()
    const started = performance.now()
    const wanted = b.want(uuid)
    await expect.poll(async () => (await lab.trailer(uuid)).q?.n).toBe(b.name)
    expect(await lab.initiators(uuid)).toEqual([a.me.initiatorName])
    expect(await wanted).toBe(b.name)
    expect(performance.now() - started).toBeGreaterThan(1_200)
    expect(await lab.initiators(uuid)).toEqual([b.me.initiatorName])
    expect(await lab.trailer(uuid)).not.toHaveProperty('q')
    const warning = b.events.find(({ kind }) => kind === 'warning')
    expect(warning?.message).toMatch(/^taking volume "db\d+" from a\d+: its plugin at 127.*does not answer: .*REFUSED/)
  })

  it('is taken from one that accepts connections and says nothing, as a stopped process does', async () => {
    const { uuid, a, b } = await held()
    const { port } = await listening(() => undefined)
    await advertise({ ...a.context(), pluginAddress: address(port, a) }, uuid, a.me)
    await expect(ask(b, a, uuid, address(port, a))).rejects.toMatchObject({
      code: 'EACSPEERSILENT',
      kind: 'timeout',
      message: expect.stringContaining('no connection within 500 ms') as unknown,
    })
    expect(await b.want(uuid)).toBe(b.name)
  })

  it('is never taken with the policies refuse and wait', async () => {
    const { uuid, a, b } = await held()
    await a.server.close()
    const silent = {
      code: 'EACSHELD',
      message: expect.stringContaining('does not answer') as unknown,
      cause: expect.objectContaining({ code: 'EACSPEERSILENT' }) as unknown,
    }
    await expect(b.want(uuid, { policy: 'refuse', delayMs: 0 })).rejects.toMatchObject(silent)
    await expect(b.want(uuid, { policy: 'wait', delayMs: 0 }, 3_500)).rejects.toMatchObject(silent)
    expect(await lab.initiators(uuid)).toEqual([a.me.initiatorName])
  })

  it('goes to exactly one of two hosts that want it at once, and the other asks that one', async () => {
    const winners = new Set<string>()
    for (let round = 0; round < 8; round += 1) {
      const { uuid, a, b } = await held()
      const c = await lab.host(`c${number}`)
      const silent = round % 2 === 1
      if (silent) await a.server.close()
      for (const host of [b, c]) host.uses.set(uuid, 'container db (77aa)')
      const outcomes = await Promise.allSettled([b, c].map((host) => host.want(uuid, { delayMs: 300 })))
      const [winner] = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as AcsError] : []))
      expect(reasons).toHaveLength(1)
      expect(reasons[0]?.message).toContain(`in use by container db (77aa) on host ${winner}`)
      expect((await lab.trailer(uuid)).h?.n).toBe(winner)
      expect(await lab.initiators(uuid)).toHaveLength(1)
      winners.add(String(winner).slice(0, 1))
    }
    expect(winners.size).toBeGreaterThan(0)
  })
})

describe('who may ask', () => {
  it('is nobody without a request in the volume', async () => {
    const { uuid, a, b } = await held()
    await expect(ask(b, a, uuid)).rejects.toMatchObject({ code: 'EACSPEERREFUSED', kind: 'auth' })
    expect(a.asked).toEqual([])
  })

  it('is nobody with another certificate than the request names', async () => {
    const { uuid, a, b } = await held()
    const c = await lab.host(`c${number}`)
    await writeRequest(b, uuid, new Date())
    await expect(ask(c, a, uuid)).rejects.toMatchObject({ code: 'EACSPEERREFUSED' })
    expect(await ask(b, a, uuid)).toEqual({ state: 'released' })
  })

  it('is nobody with an old request, nor with one that ended with the hold', async () => {
    const { uuid, a, b } = await held()
    await writeRequest(b, uuid, new Date(Date.now() - 6 * 60_000))
    await expect(ask(b, a, uuid)).rejects.toMatchObject({ code: 'EACSPEERREFUSED' })
    await writeRequest(b, uuid, new Date(Date.now() - 4 * 60_000))
    expect(await ask(b, a, uuid)).toEqual({ state: 'released' })
    await a.claim(uuid)
    await expect(ask(b, a, uuid)).rejects.toMatchObject({ code: 'EACSPEERREFUSED' })
  })

  it('is nobody for another volume than the one with the request, or for none', async () => {
    const { uuid, a, b } = await held()
    const other = await lab.createVolume(`other${number}`)
    await a.claim(other)
    await writeRequest(b, uuid, new Date())
    await expect(ask(b, a, other)).rejects.toMatchObject({ code: 'EACSPEERREFUSED' })
    const nowhere = 'aaaaaaaa-0000-4000-8000-000000000001'
    await expect(ask(b, a, nowhere)).rejects.toMatchObject({ code: 'EACSPEERREFUSED' })
  })
})

describe('whose answer counts', () => {
  it('is that of the recorded certificate only, and nothing is sent to another', async () => {
    const { uuid, a, b } = await held()
    const impostor = await lab.host(`impostor${number}`, { authorise: () => Promise.resolve(true) })
    const there = formatPeerAddress({ ...impostor.server.listening, fingerprint: a.identity.fingerprint })
    await writeRequest(b, uuid, new Date())
    await expect(ask(b, a, uuid, there)).rejects.toMatchObject({
      code: 'EACSPEERUNTRUSTED',
      kind: 'auth',
      message: expect.stringContaining(impostor.identity.fingerprint) as unknown,
    })
    expect(impostor.asked).toEqual([])
    await advertise({ ...a.context(), pluginAddress: there }, uuid, a.me)
    await expect(b.want(uuid, { policy: 'refuse' })).rejects.toMatchObject({
      code: 'EACSHELD',
      message: expect.stringContaining('is not its plugin') as unknown,
    })
    const started = performance.now()
    expect(await b.want(uuid)).toBe(b.name)
    expect(performance.now() - started).toBeGreaterThan(1_200)
    expect(impostor.asked).toEqual([])
  })

  it('is not that of something else that listens there', async () => {
    const { uuid, a, b } = await held()
    const { port } = await listening((socket) => {
      socket.on('error', () => undefined)
      socket.end('SSH-2.0-OpenSSH_9.2p1\r\n')
    })
    await expect(ask(b, a, uuid, address(port, a))).rejects.toMatchObject({ code: 'EACSPEERUNTRUSTED' })
  })

  it.each<[string, () => Promise<never> | Promise<boolean>, string, RegExp]>([
    ['cannot check the request', () => Promise.reject(new Error('Prism is down')), 'EACSPEERFAILED', /does not reach/],
    ['fails to let go', () => Promise.resolve(true), 'EACSPEERFAILED', /answered \/mnt\/acs\/db is busy/],
  ])('that %s lives, and nothing is taken from it', async (_what, authorise, code, words) => {
    number += 1
    const uuid = await lab.createVolume(`db${number}`)
    const b = await lab.host(`b${number}`)
    const a = await lab.host(`a${number}`, {
      authorise,
      release: () => Promise.reject(new AcsError('failed', 'EACSBUSY', '/mnt/acs/db is busy')),
    })
    await a.claim(uuid)
    await expect(ask(b, a, uuid)).rejects.toMatchObject({ code, message: expect.stringMatching(words) as unknown })
    await expect(b.want(uuid, { delayMs: 0 })).rejects.toMatchObject({
      code: 'EACSHELD',
      message: expect.stringMatching(words) as unknown,
    })
    expect((await lab.trailer(uuid)).h?.n).toBe(a.name)
  })

  it('may come late: "busy" first, and one release for everybody who asks', async () => {
    number += 1
    const uuid = await lab.createVolume(`db${number}`)
    const b = await lab.host(`b${number}`)
    let [questions, releases] = [0, 0]
    let finish = (): void => undefined
    const a = await lab.host(`a${number}`, {
      limits: { answerWithinMs: 1_000 },
      authorise: () => {
        questions += 1
        // When the third has joined the other two.
        if (questions === 3) setTimeout(() => finish(), 50)
        return Promise.resolve(true)
      },
      release: () => {
        releases += 1
        return new Promise((resolve) => (finish = () => resolve({ state: 'released' })))
      },
    })
    await a.claim(uuid)
    await writeRequest(b, uuid, new Date())
    const answers = await Promise.all([ask(b, a, uuid), ask(b, a, uuid)])
    expect(answers).toEqual([
      { state: 'busy', retryAfterMs: 500 },
      { state: 'busy', retryAfterMs: 500 },
    ])
    expect(await ask(b, a, uuid)).toEqual({ state: 'released' })
    expect(releases).toBe(1)
  })

  it('is "busy" too when the holder lives and the answer does not come', async () => {
    const { uuid, b } = await held()
    const slow = await lab.host(`slow${number}`, { authorise: () => new Promise(() => undefined) })
    const { identity } = b
    const deadline = deadlineIn(10_000)
    const answer = askHolder({ address: slow.address, identity, volume: { uuid, name: 'db' }, deadline, answerMs: 200 })
    expect(await answer).toEqual({ state: 'busy', retryAfterMs: 1_000 })
    const short = askHolder({
      address: slow.address,
      identity,
      volume: { uuid, name: 'db' },
      deadline: deadlineIn(200),
    })
    await expect(short).rejects.toMatchObject({ code: 'EACSTIMEOUT' })
  })

  it('cannot be known of a name that this machine cannot look up', async () => {
    const { uuid, a, b } = await held()
    const there = formatPeerAddress({ ...parsePeerAddress(a.address), host: 'no-such-host.invalid' })
    await expect(ask(b, a, uuid, there)).rejects.toMatchObject({
      code: 'EACSPEERFAILED',
      message: expect.stringContaining('cannot be asked') as unknown,
    })
    await advertise({ ...a.context(), pluginAddress: there }, uuid, a.me)
    await expect(b.want(uuid, { delayMs: 0 })).rejects.toMatchObject({ code: 'EACSHELD' })
    expect((await lab.trailer(uuid)).h?.n).toBe(a.name)
  })
})

describe('the peer server', () => {
  it('refuses an address that is taken, and says which', async () => {
    const { a } = await held()
    await expect(lab.host(`d${number}`, { listen: a.server.listening })).rejects.toMatchObject({
      code: 'EACSPEERLISTEN',
      kind: 'conflict',
      message: expect.stringContaining(`127.0.0.1:${a.server.listening.port}`) as unknown,
    })
  })

  it('answers what it has before it ends', async () => {
    number += 1
    const uuid = await lab.createVolume(`db${number}`)
    const b = await lab.host(`b${number}`)
    let asked = (): void => undefined
    const started = new Promise<void>((resolve) => (asked = resolve))
    const a = await lab.host(`a${number}`, {
      async release() {
        asked()
        await new Promise((resolve) => setTimeout(resolve, 200))
        return { state: 'not-held' }
      },
    })
    await writeRequest(b, uuid, new Date())
    const answer = ask(b, a, uuid)
    await started
    await a.server.close()
    expect(await answer).toEqual({ state: 'not-held' })
    await expect(ask(b, a, uuid)).rejects.toMatchObject({ code: 'EACSPEERSILENT' })
  })
})

function address(port: number, holder: PeerHost): string {
  return formatPeerAddress({ host: '127.0.0.1', port, fingerprint: holder.identity.fingerprint })
}
