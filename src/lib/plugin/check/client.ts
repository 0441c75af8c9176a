import type { Deadline } from '../../base/deadline.js'
import type { Exchange } from './exchange.js'
import { bodyText, docker, requestBytes, type Dialect } from './request-bytes.js'
import { isAnswer, isWire, openWire, type Lost, type Wire } from './wire.js'

/** Docker's time limits in ms: moby daemon/volume/drivers/proxy.go, `longTimeout` and `shortTimeout`. */
export const dockerLimitsMs = { long: 120_000, short: 60_000 } as const

export interface ClientOptions {
  socketPath: string
  deadline: Deadline
  /** Longest waits for an answer; Docker's unless a test is in a hurry. */
  limitsMs?: { long: number; short: number }
  /** Sent where a check does not choose its own. */
  createOptions: Readonly<Record<string, string>>
  /** Told of every exchange, as soon as it is over. */
  onExchange: (exchange: Exchange) => void
  /** Told of a Mount before it is sent. */
  onMount: (name: string, id: string) => void
}

export interface SendOptions {
  dialect?: Dialect
  method?: string
  /** Shown in reports in place of a body that is huge or no text. */
  shownAs?: string
}

/**
 * The plugin under test, called as dockerd calls it: one connection a call unless a check opens its own. Nothing
 * that a plugin does is thrown; only the end of the run's time and Ctrl-C are, as AcsError.
 */
export interface PluginClient {
  activate(): Promise<Exchange>
  capabilities(): Promise<Exchange>
  /** Without `options`, with those of the run. */
  create(name: string, options?: unknown): Promise<Exchange>
  get(name: string): Promise<Exchange>
  list(): Promise<Exchange>
  path(name: string): Promise<Exchange>
  remove(name: string): Promise<Exchange>
  mount(name: string, id: string): Promise<Exchange>
  unmount(name: string, id: string): Promise<Exchange>
  /** A call with a JSON body. */
  call(call: string, body: unknown, options?: SendOptions): Promise<Exchange>
  /** A call with any body, sent as it is. */
  send(call: string, body: string | Buffer, options?: SendOptions): Promise<Exchange>
  /** A connection of its own. Null, and an exchange that says why, when there is none. */
  open(): Promise<OpenWire | null>
  /** The words for the calls that are not about words. */
  dialect: Dialect
}

/** A connection on which requests follow each other. */
export interface OpenWire {
  wire: Wire
  /** Writes the request and reads the next answer. */
  request(call: string, body: string, options?: SendOptions): Promise<Exchange>
  /** Reads the next answer, to something that was written before. */
  read(call: string, request: string): Promise<Exchange>
}

/** Nothing is sent before the first call. */
export function createClient(options: ClientOptions): PluginClient {
  const { deadline, onExchange, createOptions } = options
  const limits = options.limitsMs ?? dockerLimitsMs

  const limitOf = (call: string): number => (/\.(Create|Mount)$/.test(call) ? limits.long : limits.short)

  async function open(asked: Asked): Promise<Wire | Exchange> {
    deadline.check(`calling ${asked.call}`)
    const opened = await openWire(options.socketPath, deadline.signal, limits.short)
    return isWire(opened) ? opened : done(lostExchange(asked, opened))
  }

  async function read(wire: Wire, asked: Asked): Promise<Exchange> {
    const outcome = await wire.answer(limitOf(asked.call))
    if (!isAnswer(outcome)) return done(lostExchange(asked, outcome))
    const { status, headers, body, keepsAlive } = outcome
    const { call, method, request } = asked
    return done({ call, method, request, status, headers, body: body.toString(), keepsAlive, ms: since(asked) })
  }

  /** Our own cancelling says nothing of the plugin. */
  function done(exchange: Exchange): Exchange {
    if (exchange.lost?.kind === 'cancelled') deadline.check(`waiting for ${exchange.call}`)
    onExchange(exchange)
    return exchange
  }

  function openWireFor(wire: Wire): OpenWire {
    return {
      wire,
      request(call, body, { dialect = client.dialect, method = 'POST', shownAs = body } = {}) {
        const asked = { call, method, request: shownAs, startedAt: performance.now() }
        wire.write(requestBytes(dialect, call, body, method))
        return read(wire, asked)
      },
      read: (call, request) => read(wire, { call, method: 'POST', request, startedAt: performance.now() }),
    }
  }

  const client: PluginClient = {
    dialect: docker,
    // An empty body, as dockerd and Podman send it.
    activate: () => client.send('Plugin.Activate', ''),
    capabilities: () => client.call('VolumeDriver.Capabilities', {}),
    create: (name, Opts = createOptions) => client.call('VolumeDriver.Create', { Name: name, Opts }),
    get: (name) => client.call('VolumeDriver.Get', { Name: name }),
    list: () => client.call('VolumeDriver.List', {}),
    path: (name) => client.call('VolumeDriver.Path', { Name: name }),
    remove: (name) => client.call('VolumeDriver.Remove', { Name: name }),
    mount(name, ID) {
      options.onMount(name, ID)
      return client.call('VolumeDriver.Mount', { Name: name, ID })
    },
    unmount: (name, ID) => client.call('VolumeDriver.Unmount', { Name: name, ID }),
    call: (call, body, sendOptions = {}) =>
      client.send(call, bodyText(sendOptions.dialect ?? client.dialect, body), sendOptions),
    async send(call, body, { dialect = client.dialect, method = 'POST', shownAs } = {}) {
      const asked = { call, method, request: shownAs ?? body.toString(), startedAt: performance.now() }
      const opened = await open(asked)
      if (!('write' in opened)) return opened
      try {
        opened.write(requestBytes(dialect, call, body, method))
        return await read(opened, asked)
      } finally {
        opened.close()
      }
    },
    async open() {
      const opened = await open({ call: '(connect)', method: '', request: '', startedAt: performance.now() })
      return 'write' in opened ? openWireFor(opened) : null
    },
  }
  return client
}

/** A request under way. */
interface Asked {
  call: string
  method: string
  request: string
  startedAt: number
}

function lostExchange(asked: Asked, lost: Lost): Exchange {
  const { call, method, request } = asked
  return { call, method, request, status: null, headers: {}, body: '', lost, keepsAlive: false, ms: since(asked) }
}

function since({ startedAt }: Asked): number {
  return Math.round((performance.now() - startedAt) * 10) / 10
}
