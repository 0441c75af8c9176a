import { Complaint, type Check } from '../check.js'
import type { OpenWire, PluginClient } from '../client.js'
import { outcomeOf, succeeded, type Exchange } from '../exchange.js'
import { expectSuccess, volumeIn } from '../judge.js'
import { bodyText, docker, olderDocker, podman, requestBytes, type Dialect } from '../request-bytes.js'
import { sources } from './sources.js'

/** How the clients of the protocol speak, each taken alone: who misses one header fails one check. */
export const transportChecks: readonly Check[] = [
  {
    id: 'transport.empty-host',
    title: 'An empty Host header is accepted',
    severity: 'must',
    why: 'dockerd up to 20.10, 23.0.6 and 24.0.4 sends none other, so that nothing works with it.',
    source: sources.seen('"Host: " in every request'),
    run: (client) => listInWords(client, { ...client.dialect, host: olderDocker.host }, 'an empty Host'),
  },
  {
    id: 'transport.docker-host',
    title: 'The Host plugin.moby.localhost is accepted',
    severity: 'must',
    why: 'dockerd sends it since 23.0.7 and 24.0.5, whatever the socket is called.',
    source: `${sources.client} dummyHost`,
    run: (client) => listInWords(client, { ...client.dialect, host: docker.host }, `Host ${docker.host}`),
  },
  {
    id: 'transport.podman',
    title: "Podman's headers are accepted: Host plugin, its own Content-Type, no Accept",
    severity: 'must',
    why: 'Podman cannot use the plugin otherwise.',
    source: `${sources.podman} sendRequest`,
    needs: ['get.created'],
    run: (client, context) => roundTrip(client, context.newName(), podman),
  },
  {
    id: 'transport.no-content-type',
    title: 'A body without a Content-Type is read as JSON',
    severity: 'must',
    why: 'dockerd sends no Content-Type, ever; a web framework that parses by it sees an empty request.',
    source: sources.transport,
    needs: ['get.created'],
    run: (client, context) => {
      const { host, newline } = client.dialect
      return roundTrip(client, context.newName(), { ...docker, host, newline })
    },
  },
  {
    id: 'transport.newline',
    title: 'A line break after the JSON document is accepted, and may be missing',
    severity: 'must',
    why: "Docker's documents end with one, Podman's do not.",
    source: `${sources.client}: json.Encoder; ${sources.podman}: json.Marshal`,
    needs: ['get.created'],
    async run(client, context) {
      for (const newline of [true, false]) await roundTrip(client, context.newName(), { ...client.dialect, newline })
    },
  },
  {
    id: 'transport.keep-alive',
    title: 'Several requests go over one connection',
    severity: 'should',
    why: 'dockerd keeps its connection; a new one for every call costs time, and races when it is closed late.',
    source: sources.client,
    run: (client) =>
      withWire(client, async (open) => {
        for (let count = 1; count <= 3; count += 1) {
          const answer = await listOver(open, client.dialect)
          if (answer.lost?.kind === 'closed')
            throw new Complaint(`the connection was closed after ${count - 1} answer(s)`, answer)
          expectSuccess(answer, 'List')
        }
      }),
  },
  {
    id: 'transport.announced-close',
    title: 'A connection is not closed after an answer that did not say so',
    severity: 'must',
    why:
      "The next call meets the close and is lost: Go repeats no POST, and dockerd's own retry a second later comes with an " +
      'empty body.',
    source: `${sources.client}; ${sources.seen('the retry has Content-Length: 0')}; RFC 9112 9.6`,
    run: (client) =>
      withWire(client, async (open) => {
        const answer = expectSuccess(await listOver(open, client.dialect), 'List')
        if (answer.keepsAlive && (await open.wire.closes(100)))
          throw new Complaint('the connection was closed after an answer without "Connection: close"', answer)
      }),
  },
  {
    id: 'transport.idle',
    title: 'An idle connection is kept',
    severity: 'should',
    why: 'A call that races with the close of an idle connection is lost, and repeated with an empty body. Node closes after 5 s by default.',
    source: `${sources.client}: no idle time-out; ${sources.seen('idle connections are used again after hours')}`,
    needs: ['transport.keep-alive'],
    run: (client, { timing }) =>
      withWire(client, async (open) => {
        expectSuccess(await listOver(open, client.dialect), 'List')
        const startedAt = performance.now()
        if (await open.wire.closes(timing.idleMs))
          throw new Complaint(`the idle connection was closed after ${Math.round(performance.now() - startedAt)} ms`)
        expectSuccess(await listOver(open, client.dialect), `List after ${timing.idleMs} ms of silence`)
      }),
  },
  {
    id: 'transport.pipelined',
    title: 'Two requests sent at once are answered in order',
    severity: 'should',
    why: 'HTTP/1.1 allows it; a server that reads one request a packet loses the second.',
    source: 'RFC 9112 9.3.2',
    needs: ['transport.keep-alive'],
    run: (client) =>
      withWire(client, async (open) => {
        const [activate, list] = ['Plugin.Activate', 'VolumeDriver.List'] as const
        const body = bodyText(client.dialect, {})
        open.wire.write(
          Buffer.concat([requestBytes(client.dialect, activate, ''), requestBytes(client.dialect, list, body)]),
        )
        const first = expectSuccess(await open.read(activate, '(two requests at once)'), 'the first request')
        const second = expectSuccess(await open.read(list, '(two requests at once)'), 'the second request')
        if (!/Implements/i.test(first.body) || /Implements/i.test(second.body))
          throw new Complaint('the answers came in another order', second)
      }),
  },
  {
    id: 'transport.half-open',
    title: 'Connections that send nothing, or half a request, hold up nobody',
    severity: 'should',
    why: 'One stuck client, and docker volume ls hangs for everybody.',
    source: sources.robust,
    run: async (client, { timing }) => {
      const pieces = ['', 'POST /VolumeDriver.List HTTP/1.1\r\nHost', `${headOf(client.dialect, 100)}{"Name":`]
      const wires: OpenWire[] = []
      try {
        for (const piece of pieces) {
          const open = await client.open()
          open?.wire.write(piece)
          if (open) wires.push(open)
        }
        await quickly(client, timing.readMs, 'while three connections were half open')
      } finally {
        for (const { wire } of wires) wire.close()
      }
    },
  },
  {
    id: 'transport.slow-request',
    title: 'A request that comes byte by byte is answered, and holds up nobody',
    severity: 'should',
    why: 'A server that takes what it first reads for a whole request fails at random under load.',
    source: sources.robust,
    run: (client, { timing, deadline }) =>
      withWire(client, async (open) => {
        const bytes = requestBytes(client.dialect, 'VolumeDriver.List', bodyText(client.dialect, {}))
        const half = Math.floor(bytes.length / 2)
        for (const [index, byte] of bytes.entries()) {
          if (open.wire.isClosed()) break
          open.wire.write(Buffer.from([byte]))
          if (index === half) await quickly(client, timing.readMs, 'while a slow request was coming in')
          await deadline.sleep(1, 'sending a slow request')
        }
        expectSuccess(await open.read('VolumeDriver.List', '(byte by byte)'), 'a List sent byte by byte')
      }),
  },
  {
    id: 'transport.hang-up',
    title: 'A client that hangs up in the middle of a call does no harm',
    severity: 'must',
    why: 'dockerd hangs up when its time is up, Podman after 5 s by default.',
    source: `${sources.proxy} longTimeout, shortTimeout`,
    run: (client, context) =>
      context.survives('a client that hung up', async () => {
        const name = context.newName()
        const open = await client.open()
        const body = bodyText(client.dialect, { Name: name, Opts: context.createOptions })
        open?.wire.write(requestBytes(client.dialect, 'VolumeDriver.Create', body))
        await context.deadline.sleep(5, 'hanging up')
        open?.wire.close()
        // The first call may still be at work. Once a second one is answered, what is left can be removed.
        await client.create(name)
      }),
  },
  {
    id: 'transport.unknown-path',
    title: 'An unknown call is answered with 404',
    severity: 'should',
    why: '404 is how a plugin says that it does not have a call; Docker looks for it where a call is optional.',
    source: `${sources.adapter} getCapabilities`,
    async run(client) {
      const answer = await client.call('VolumeDriver.NoSuchCall', {})
      if (answer.status !== 404) throw new Complaint(`an unknown call was answered with ${outcomeOf(answer)}`, answer)
    },
  },
  {
    id: 'transport.wrong-method',
    title: 'A GET changes nothing',
    severity: 'should',
    why: 'The protocol knows only POST; whatever else comes is no dockerd.',
    source: sources.transport,
    needs: ['get.unknown'],
    async run(client, context) {
      const name = context.newName()
      const body = { Name: name, Opts: context.createOptions }
      const answer = await client.call('VolumeDriver.Create', body, { method: 'GET' })
      if (volumeIn(await client.get(name)) !== null) throw new Complaint('a GET created a volume', answer)
    },
  },
]

/** A call without content, in the plugin's usual words but for what is checked. */
async function listInWords(client: PluginClient, dialect: Dialect, what: string): Promise<void> {
  expectSuccess(await client.call('VolumeDriver.List', {}, { dialect }), `List with ${what}`)
}

/** A name that goes in, and comes out again: the body was read. */
async function roundTrip(client: PluginClient, name: string, dialect: Dialect): Promise<void> {
  // As some other client would make it: only the reading is checked.
  expectSuccess(await client.create(name), `Create of "${name}"`)
  const answer = await client.call('VolumeDriver.Get', { Name: name }, { dialect })
  if (!succeeded(answer) || volumeIn(answer) === null)
    throw new Complaint(`Get of a volume that exists found none: ${outcomeOf(answer)}`, answer)
}

async function withWire(client: PluginClient, work: (open: OpenWire) => Promise<void>): Promise<void> {
  const open = await client.open()
  if (!open) throw new Complaint('no connection')
  try {
    await work(open)
  } finally {
    open.wire.close()
  }
}

function listOver(open: OpenWire, dialect: Dialect): Promise<Exchange> {
  return open.request('VolumeDriver.List', bodyText(dialect, {}), { dialect })
}

async function quickly(client: PluginClient, limitMs: number, when: string): Promise<void> {
  const answer = expectSuccess(await client.list(), `List ${when}`)
  if (answer.ms > limitMs) throw new Complaint(`List took ${Math.round(answer.ms)} ms ${when}`, answer)
}

/** The head of a request whose body does not come. */
function headOf(dialect: Dialect, length: number): string {
  const whole = requestBytes(dialect, 'VolumeDriver.Get', 'x'.repeat(length)).toString()
  return whole.slice(0, whole.length - length)
}
