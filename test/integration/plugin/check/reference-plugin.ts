import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Fault } from './faults.js'

export interface ReferencePlugin {
  start: () => Promise<void>
  /** Every connection is cut, as when a process ends. */
  stop: () => Promise<void>
  /** Names of volumes it has now. */
  volumes: () => string[]
  /** Volumes that anybody has mounted. */
  mounted: () => string[]
  /** How many Mounts it was asked for. */
  mountsBegun: () => number
}

export interface ReferenceOptions {
  socketPath: string
  /** Its state, its volumes. */
  folder: string
  fault?: Fault
  /** Whether something starts it again when it dies. */
  supervised?: boolean
  /** How long a Mount takes. */
  mountMs?: number
}

interface Volume {
  createdAt: string
  /** How often each ID has it mounted. */
  ids: Map<string, number>
}

interface Answer {
  status: number
  document: unknown
  /** Of a body that was not read to its end. */
  close?: boolean
}

class Refusal extends Error {
  constructor(
    message: string,
    readonly status = 500,
  ) {
    super(message)
  }
}

type Body = Record<string, unknown>

const usualName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/
const largestBody = 2 ** 20

/**
 * A volume plugin that is right in all, on folders instead of disks, and can be made wrong in one thing. Written from the
 * protocol, on node:http alone: it shares nothing with acs's own plugin nor with the kit.
 */
export function createReferencePlugin(options: ReferenceOptions): ReferencePlugin {
  const { socketPath, folder } = options
  const has = (...faults: Fault[]): boolean => options.fault !== undefined && faults.includes(options.fault)
  const stateFile = join(folder, 'state.json')
  const mountRoot = join(folder, 'mnt')
  mkdirSync(mountRoot, { recursive: true })
  const volumes = new Map<string, Volume>()
  const removed = new Set<string>()
  const mounting = new Set<string>()
  const wasMounted = new Set<string>()
  let server: Server | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let activations = 0
  let mountsBegun = 0
  let activated = false
  let restarted = false

  const volume = (name: string): Volume => {
    const found = volumes.get(name)
    if (!found) throw new Refusal(`no such volume: ${name}`)
    return found
  }
  const pathOf = (name: string): string => join(mountRoot, has('mounts-nowhere') ? 'nowhere' : '', name)
  /** Of one caller. */
  const pathFor = (name: string, id = [...(volumes.get(name)?.ids.keys() ?? [])][0]): string =>
    has('a-path-per-id', 'data-per-id') ? `${pathOf(name)}-${(id ?? '').slice(0, 8)}` : pathOf(name)
  const key = (name: unknown): string => (has('folds-case') ? String(name).toLowerCase() : String(name))

  function described(name: string): Body {
    const { createdAt, ids } = volume(name)
    const always = has('tells-mountpoint-always', 'counts-mounts-unseen')
    const shown = always || (ids.size > 0 && !has('tells-no-mountpoint'))
    return {
      Name: name,
      Mountpoint: has('mountpoint-is-a-number') ? 42 : shown ? pathFor(name) : '',
      CreatedAt: has('created-at-empty') ? '' : has('created-at-of-go') ? '2026-01-02 03:04:05 +0000 UTC' : createdAt,
      Status: has('status-is-a-list') ? [] : { mounts: ids.size },
    }
  }

  const calls: Record<string, (body: Body, socket: Socket) => unknown> = {
    'Plugin.Activate': activate,
    'VolumeDriver.Capabilities': () => ({ Capabilities: { Scope: has('scope-of-its-own') ? 'cluster' : 'local' } }),
    'VolumeDriver.Create': create,
    'VolumeDriver.Get': get,
    'VolumeDriver.List': () => ({
      Volumes: [...volumes.keys()].slice(has('list-misses-volumes') ? 1 : 0).map(described),
    }),
    'VolumeDriver.Path'({ Name }) {
      const name = key(Name)
      return { Mountpoint: volume(name).ids.size > 0 && !has('path-is-empty') ? pathFor(name) : '' }
    },
    'VolumeDriver.Remove': remove,
    'VolumeDriver.Mount': mount,
    'VolumeDriver.Unmount': unmount,
  }

  function activate(): unknown {
    activations += 1
    activated = true
    if (has('implements-nothing')) return { Implements: ['NetworkDriver'] }
    return { Implements: ['VolumeDriver', ...(has('changes-its-mind') && activations % 2 === 0 ? ['Other'] : [])] }
  }

  async function create(body: Body, socket: Socket): Promise<unknown> {
    if (has('creates-nothing')) throw new Refusal('not today')
    if (body.Opts === null && has('dies-of-null-opts')) die()
    if (body.Opts === undefined && has('dies-of-absent-opts')) die()
    const name = newName(body.Name)
    checkOptions(body.Opts ?? {})
    if (has('refuses-unknown-fields') && Object.keys(body).some((field) => field !== 'Name' && field !== 'Opts'))
      throw new Refusal('unknown field')
    if (volumes.has(name) && has('create-not-idempotent')) throw new Refusal(`volume ${name} exists`)
    if (volumes.has(name)) return {}
    if (has('uses-names-once') && removed.has(name)) throw new Refusal(`${name} was used`)
    if (has('dies-of-hang-up')) {
      const mine = server
      await wait(30)
      // One that was cut off by a death of before has nothing to add to it.
      if (socket.destroyed && server === mine) die()
    }
    if (has('creates-twice-when-raced')) {
      await wait(20)
      if (volumes.has(name)) throw new Refusal(`volume ${name} exists`)
    }
    if (has('joins-names-into-paths')) mkdirSync(join(mountRoot, name), { recursive: true })
    volumes.set(name, { createdAt: new Date().toISOString(), ids: new Map() })
    return {}
  }

  function newName(given: unknown): string {
    if (Array.isArray(given) && has('takes-any-type')) return String(given)
    if (given === undefined && has('takes-any-json')) return 'undefined'
    const name = key(typeof given === 'string' ? given : '')
    const allowed =
      usualName.test(name) ||
      (has('joins-names-into-paths') && /^[\w.\-/]+$/.test(name)) ||
      (has('takes-no-name') && given === '') ||
      (has('takes-long-names') && /^[\w.-]+$/.test(name)) ||
      (has('takes-control-characters') && /^[\p{Cc}\w.[-]{1,60}$/u.test(name))
    if (!allowed || (has('refuses-anonymous-names') && name.length > 40))
      throw new Refusal('a name is up to 128 letters, digits, ".", "_" and "-"')
    return name
  }

  function checkOptions(given: unknown): void {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      if (!has('takes-any-type')) throw new Refusal('Opts is no object')
      return
    }
    const unknown = Object.keys(given).find((option) => option !== 'size')
    if (unknown !== undefined && !has('ignores-unknown-options'))
      throw new Refusal(`unknown option "${unknown}"; there is size`)
  }

  function get({ Name }: Body): unknown {
    if (has('gets-nothing')) throw new Refusal('no such volume')
    const name = key(Name)
    const invented = has('finds-whatever-is-asked') || (has('get-without-name') && name === '')
    return { Volume: invented && !volumes.has(name) ? { Name: name, Mountpoint: '' } : described(name) }
  }

  function remove({ Name }: Body, socket: Socket): unknown {
    const name = key(Name)
    if (has('drops-remove-of-unknown') && !volumes.has(name)) socket.destroy()
    if (volume(name).ids.size > 0 && !has('removes-mounted-volumes')) throw new Refusal(`volume ${name} is in use`)
    // No folder can have a longer name.
    if (!has('keeps-removed-data') && name.length < 200) rmSync(pathOf(name), { recursive: true, force: true })
    if (!has('remove-forgets-nothing')) volumes.delete(name)
    removed.add(name)
    return {}
  }

  async function mount(body: Body): Promise<unknown> {
    mountsBegun += 1
    const name = key(body.Name)
    const id = idIn(body)
    if (has('mounts-what-is-not-there') && !volumes.has(name)) volumes.set(name, { createdAt: '', ids: new Map() })
    const { ids } = volume(name)
    if (options.mountMs !== undefined) await wait(options.mountMs)
    if (has('fails-when-raced')) {
      if (mounting.has(name)) throw new Refusal(`${name} is being mounted`)
      mounting.add(name)
      await wait(10)
      mounting.delete(name)
    }
    if (ids.has(id) && (has('same-id-fails') || (restarted && has('same-id-fails-after-restart'))))
      throw new Refusal(`${id} has mounted it already`)
    if (has('mounts-once') && wasMounted.has(name) && ids.size === 0) throw new Refusal(`${name} was mounted before`)
    wasMounted.add(name)
    if (has('mounts-relative')) return { Mountpoint: `mnt/${name}` }
    ids.set(id, has('keeps-ids-as-a-set') ? 1 : (ids.get(id) ?? 0) + 1)
    const path = pathFor(name, id)
    if (!has('mounts-nowhere')) mkdirSync(has('a-path-per-id') ? pathOf(name) : path, { recursive: true })
    if (has('a-path-per-id') && !existsSync(path)) symlinkSync(pathOf(name), path)
    if (has('lost-and-found')) mkdirSync(join(path, 'lost+found'), { recursive: true })
    return { Mountpoint: path }
  }

  function unmount(body: Body): unknown {
    const name = key(body.Name)
    if (!volumes.has(name) || has('forgets-to-unmount')) return {}
    const { ids } = volume(name)
    let id = idIn(body)
    if (has('counts-mounts', 'counts-mounts-unseen') && !ids.has(id)) id = [...ids.keys()][0] ?? id
    if (ids.has('unknown')) id = 'unknown'
    if (!ids.has(id) && has('unmount-of-unknown-id-fails')) throw new Refusal(`${id} has not mounted it`)
    if (has('unmount-unmounts-all')) ids.clear()
    const total = [...ids.values()].reduce((sum, count) => sum + count, 0)
    if (has('keeps-mounts-of-before') && restarted && total === 1) return {}
    const left = (ids.get(id) ?? 0) - 1
    if (left > 0) ids.set(id, left)
    else ids.delete(id)
    if (has('loses-data') && ids.size === 0) rmSync(pathOf(name), { recursive: true, force: true })
    return {}
  }

  /** What a request gets; undefined when it gets nothing at all. */
  async function answerTo(request: IncomingMessage): Promise<Answer | undefined> {
    const { headers, method, socket } = request
    const call = (request.url ?? '').slice(1)
    if (has('needs-a-host') && headers.host === '') throw new Refusal('a Host is needed', 400)
    if (has('knows-no-docker-host') && headers.host === 'plugin.moby.localhost') throw new Refusal('not here', 421)
    if (has('needs-an-accept') && headers.accept === undefined) throw new Refusal('Accept what?', 406)
    const handler = Object.hasOwn(calls, call) ? calls[call] : undefined
    if (!handler && has('answers-unknown-calls')) return { status: 200, document: {} }
    if (!handler) throw new Refusal(`no such call: ${call}`, 404)
    if (method !== 'POST' && !has('takes-get-for-post')) throw new Refusal('POST it', 405)
    const text = await bodyOf(request, has('takes-huge-bodies') ? Infinity : largestBody)
    if (text === undefined) return { status: 413, document: { Err: 'that is too much' }, close: true }
    if (text.trim() === '' && !/Activate|List|Capabilities/.test(call)) {
      if (has('empty-body-is-fine') && call !== 'VolumeDriver.Get') return { status: 200, document: {} }
      if (call === 'VolumeDriver.Get' && !has('empty-get-is-not-found')) return undefined
      throw new Refusal('no such volume: the request is empty')
    }
    if (text === '' && call.endsWith('.List') && has('lists-with-body-only')) throw new Refusal('EOF', 400)
    if (text === '' && call.endsWith('.Capabilities') && has('capabilities-need-a-body')) throw new Refusal('EOF', 400)
    if (text.endsWith('\n') && has('knows-no-newline')) throw new Refusal('trailing garbage', 400)
    if (!activated && call !== 'Plugin.Activate' && has('needs-activate-after-restart'))
      throw new Refusal('not activated', 503)
    const body = has('needs-content-type') && headers['content-type'] === undefined ? {} : parsed(text)
    // eslint-disable-next-line @typescript-eslint/require-await -- some calls answer at once
    const work = async (): Promise<unknown> => handler(body, socket)
    const document = await (has('one-lock-for-all') ? locked(work) : work())
    const silent = has('text-instead-of-json') && /Create|Remove|Unmount/.test(call)
    return { status: 200, document: silent ? 'OK' : document }
  }

  function parsed(text: string): Body {
    if (text.trim() === '') return {}
    let document: unknown
    try {
      document = JSON.parse(text)
    } catch {
      if (has('dies-of-bad-json')) die()
      throw new Refusal('the request is no JSON')
    }
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) return document as Body
    if (has('takes-any-json')) return {}
    throw new Refusal('the request is no object')
  }

  function errorAnswer({ message, status }: Refusal): Answer {
    const told = has('errors-of-many-lines') ? `${message}\n  at somewhere\n  at elsewhere` : message
    return {
      // A call that is not there is no error of a call.
      status: has('errors-with-200') && status === 500 ? 200 : status,
      document: has('errors-as-plain-text') ? told : { Err: told },
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request
    clearTimeout(idleTimers.get(socket))
    const answer = await answerTo(request).catch((error: unknown) => {
      if (server !== undefined) return errorAnswer(error instanceof Refusal ? error : new Refusal(String(error)))
      return undefined
    })
    if (!answer) {
      socket.destroy()
      return
    }
    const { status, document, close } = answer
    if (close || has('closes-after-each-answer')) response.setHeader('Connection', 'close')
    response.setHeader('Content-Type', 'application/vnd.docker.plugins.v1.1+json')
    if (has('closes-unannounced')) response.once('finish', () => void socket.end())
    response.writeHead(status).end(typeof document === 'string' ? document : `${JSON.stringify(document)}\n`)
    if (has('closes-idle-connections')) idleTimers.set(socket, setTimeout(() => void socket.end(), 200).unref())
  }

  const idleTimers = new Map<Socket, NodeJS.Timeout>()
  const sockets = new Set<Socket>()

  function locked<T>(work: () => Promise<T>): Promise<T> {
    const mine = queue.then(work)
    queue = mine.catch(() => undefined)
    return mine
  }

  function meet(socket: Socket): void {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    if (has('reads-one-packet'))
      socket.once('data', (bytes: Buffer) => {
        if (!bytes.includes('\r\n\r\n')) socket.destroy()
      })
    if (has('reads-one-request-a-packet'))
      socket.on('data', (bytes: Buffer) => {
        if (bytes.toString('latin1').split('POST /').length > 2) socket.destroy()
      })
  }

  async function start(): Promise<void> {
    if (existsSync(stateFile)) comeBack()
    if (restarted && has('does-not-come-back')) return
    const next = createServer(
      { requireHostHeader: false, keepAliveTimeout: 0, requestTimeout: 0 },
      (request, response) => {
        const work = (): Promise<void> => handle(request, response)
        void (has('waits-for-half-requests') ? locked(work) : work())
      },
    )
    next.on('connection', meet)
    rmSync(socketPath, { force: true })
    server = next
    await new Promise<void>((resolve) => next.listen(socketPath, resolve))
  }

  /** Reads what was before. */
  function comeBack(): void {
    restarted = true
    activated = false
    volumes.clear()
    if (has('forgets-volumes-on-restart')) return
    const kept = JSON.parse(readFileSync(stateFile, 'utf8')) as [string, string, [string, number][]][]
    for (const [name, createdAt, mounts] of kept) {
      const ids = new Map(has('forgets-mounts-on-restart') ? [] : mounts)
      if (has('forgets-ids-on-restart') && ids.size > 0)
        volumes.set(name, { createdAt, ids: new Map([['unknown', 1]]) })
      else volumes.set(name, { createdAt, ids })
    }
  }

  async function stop(): Promise<void> {
    const ending = server
    server = undefined
    if (!ending) return
    writeFileSync(
      stateFile,
      JSON.stringify([...volumes].map(([name, { createdAt, ids }]) => [name, createdAt, [...ids]])),
    )
    const closed = new Promise((resolve) => ending.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  function die(): never {
    void stop().then(() => (options.supervised ? start() : undefined))
    throw new Error('died')
  }

  return {
    start,
    stop,
    volumes: () => [...volumes.keys()],
    mounted: () => [...volumes].flatMap(([name, { ids }]) => (ids.size > 0 ? [name] : [])),
    mountsBegun: () => mountsBegun,
  }
}

function idIn({ ID }: Body): string {
  if (typeof ID === 'string' && ID !== '') return ID
  throw new Refusal('an ID is needed')
}

/** The body, or undefined when it is larger than that. */
async function bodyOf(request: IncomingMessage, limit: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
