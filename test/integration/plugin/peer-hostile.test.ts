import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { askHolder } from '../../../src/lib/plugin/peer/client.js'
import type { ReleaseRequest } from '../../../src/lib/plugin/peer/server.js'
import { startPeerLab, type PeerHost, type PeerLab } from './peer-lab.js'

/** A server that lets one stranger's certificate in, and strangers wait for a second only. */
const volume = 'aaaaaaaa-0000-4000-8000-000000000001'
const released: ReleaseRequest[] = []
let lab: PeerLab
let friend: PeerHost
let stranger: PeerHost
let server: PeerHost
/** Volumes that `authorise` was asked about. */
const checked: string[] = []

beforeAll(async () => {
  lab = await startPeerLab()
  friend = await lab.host('friend')
  stranger = await lab.host('stranger')
  server = await lab.host('server', {
    limits: { patienceMs: 1_000, strangersOfOneAddress: 20, strangers: 30, burst: 400, burstOfAll: 500 },
    authorise(uuid, fingerprint) {
      checked.push(uuid)
      return Promise.resolve(fingerprint === friend.identity.fingerprint)
    },
    release(request) {
      released.push(request)
      return Promise.resolve({ state: 'released' })
    },
  })
})
afterAll(() => lab.close())

beforeEach(() => {
  checked.length = 0
  released.length = 0
  server.logged.length = 0
})

function askAsFriend(): Promise<unknown> {
  return askHolder({
    address: server.address,
    identity: friend.identity,
    volume: { uuid: volume, name: 'db' },
    deadline: deadlineIn(5_000),
  })
}

async function tcp(): Promise<Socket> {
  const socket = connectTcp(server.server.listening.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.on('error', () => undefined)
  return socket
}

async function tls(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { key, cert } = stranger.identity
  const { port } = server.server.listening
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, key, cert, ...options })
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  socket.on('error', () => undefined)
  return socket
}

/** All that comes back until the server closes the connection; how long that took. */
async function received(socket: Socket): Promise<{ text: string; afterMs: number }> {
  const started = performance.now()
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise<void>((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', resolve)
  })
  return { text: Buffer.concat(chunks).toString('latin1'), afterMs: performance.now() - started }
}

function post(body: string, headers = ''): string {
  const length = Buffer.byteLength(body)
  return `POST /v1/release HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${length}\r\n\r\n${body}`
}

const question = JSON.stringify({ volume, name: 'db' })

describe('a stranger', () => {
  it('gets no byte of HTTP without a certificate', async () => {
    const socket = await tls({ key: undefined, cert: undefined })
    socket.write(post(question))
    expect((await received(socket)).text).toBe('')
    expect(checked).toEqual([])
  })

  it('gets no handshake below TLS 1.3', async () => {
    await expect(tls({ maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/)
  })

  it('gets a status without a word, whether or not the volume exists', async () => {
    const socket = await tls()
    socket.write(post(question))
    expect((await received(socket)).text).toBe(
      'HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    )
    expect(checked).toEqual([volume])
    expect(released).toEqual([])
  })

  it.each<[string, string, number]>([
    ['another path', post(question).replace('/v1/release', '/'), 404],
    ['another path with the same beginning', post(question).replace('/v1/release', '/v1/release/../x'), 404],
    ['another method', 'GET /v1/release HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['no JSON', post('hello'), 400],
    ['another JSON', post('[1,2,3]'), 400],
    ['deep JSON', post('['.repeat(2_000) + ']'.repeat(2_000)), 400],
    ['no UUID', post(JSON.stringify({ volume: '../../vms', name: 'db' })), 400],
    ['a prototype', post(`{"__proto__":{"volume":"${volume}"},"name":"db"}`), 400],
    ['a body of 4 KiB and more', post(JSON.stringify({ volume, name: 'db', x: 'x'.repeat(5_000) })), 400],
  ])('gets nothing by %s', async (_what, request, status) => {
    const socket = await tls()
    socket.write(request)
    const { text } = await received(socket)
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).toMatch(/\r\n\r\n$/)
    expect(text).not.toMatch(/date:|server:|node/i)
    expect(checked).toEqual([])
  })

  it.each<[string, string]>([
    ['no HTTP', '\0\x01\x02 what?\r\n\r\n'],
    ['headers without end', `POST /v1/release HTTP/1.1\r\n${`x: ${'y'.repeat(60)}\r\n`.repeat(200)}`],
    ['two lengths', `POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}`],
    ['a switch of protocol', 'CONNECT prism:9440 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('is cut off after %s', async (_what, request) => {
    const socket = await tls()
    socket.write(request)
    const { text, afterMs } = await received(socket)
    expect(text).toBe('')
    expect(afterMs).toBeLessThan(900)
  })

  it('cannot make it read a body without end', async () => {
    const socket = await tls()
    socket.write('POST /v1/release HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    let sent = 0
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const send = (): void => {
      while (!socket.destroyed && sent < 64 * 2 ** 20) {
        sent += chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', send)
      }
    }
    send()
    const { afterMs } = await received(socket)
    expect(afterMs).toBeLessThan(900)
    // What fits into the buffers between, and no more.
    expect(sent).toBeLessThan(32 * 2 ** 20)
  })

  it.each<[string, () => Promise<Socket>]>([
    ['says nothing at all', tcp],
    ['says half a ClientHello', async () => write(await tcp(), Buffer.from([22, 3, 1, 2, 0, 1]))],
    ['shakes hands and says nothing', () => tls()],
    ['sends half a header', async () => write(await tls(), 'POST /v1/rel')],
    ['sends half a body', async () => write(await tls(), post(question).slice(0, -5))],
    [
      'sends a byte now and then',
      async () => {
        const socket = await tls()
        const text = post(question)
        let at = 0
        const timer = setInterval(() => socket.write(text.charAt(at++)), 20)
        socket.once('close', () => clearInterval(timer))
        return socket
      },
    ],
  ])('that %s is cut off when patience ends', async (_what, open) => {
    const socket = await open()
    const { text, afterMs } = await received(socket)
    expect(text).toBe('')
    expect(afterMs).toBeLessThan(5_000)
    expect(checked).toEqual([])
  })

  it('that sends garbage instead of TLS is cut off', async () => {
    const socket = await tcp()
    socket.write('GET / HTTP/1.1\r\n\r\n')
    expect((await received(socket)).text).not.toMatch(/HTTP/)
    await expect.poll(() => server.logged.map(({ level }) => level)).toContain('debug')
  })

  it('cannot fill it up: who may ask is answered meanwhile, and the oldest strangers have to go', async () => {
    const strangers: Socket[] = []
    for (let index = 0; index < 100; index += 1) {
      const socket = await tcp()
      strangers.push(socket)
      if (index % 20 === 19) expect(await askAsFriend()).toEqual({ state: 'released' })
    }
    const open = (): number => strangers.filter((socket) => !socket.closed).length
    await expect.poll(open, { timeout: 600, interval: 20 }).toBeLessThanOrEqual(20)
    expect(strangers.at(-1)?.closed).toBe(false)
    await expect.poll(open, { timeout: 5_000 }).toBe(0)
  })

  it('left nothing behind, and no log at a level that people watch', async () => {
    const connections = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length
    await expect.poll(connections, { timeout: 3_000 }).toBeLessThan(5)
    expect(server.logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
    expect(await askAsFriend()).toEqual({ state: 'released' })
    expect(released.at(-1)).toEqual({ uuid: volume, name: 'db', fingerprint: friend.identity.fingerprint })
  })
})

describe('too many questions', () => {
  it('are put off, before the cluster is asked, and count as "busy"', async () => {
    const slow = await lab.host('slow', {
      limits: { burst: 3, perSecond: 2 },
      authorise(uuid) {
        checked.push(uuid)
        return Promise.resolve(true)
      },
      release: () => Promise.resolve({ state: 'not-held' }),
    })
    const ask = (): Promise<unknown> => {
      const { identity } = friend
      const deadline = deadlineIn(5_000)
      return askHolder({ address: slow.address, identity, volume: { uuid: volume, name: 'db' }, deadline })
    }
    const states: unknown[] = []
    for (let index = 0; index < 5; index += 1) states.push(await ask())
    expect(states.slice(0, 3)).toEqual(Array(3).fill({ state: 'not-held' }))
    expect(states.at(-1)).toEqual({ state: 'busy', retryAfterMs: 1_000 })
    expect(checked.length).toBeLessThan(5)
    await expect.poll(ask, { timeout: 3_000, interval: 600 }).toEqual({ state: 'not-held' })
  })
})

function write(socket: Socket, data: string | Buffer): Socket {
  socket.write(data)
  return socket
}
