import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Connection } from './connection.js'
import { Login } from './login.js'
import type { LoggedIn } from './login.js'
import { LogicalUnits } from './logical-units.js'
import { attention } from './scsi/sense.js'
import { Session } from './session.js'
import type { SessionLink } from './session.js'
import type { TargetBackend } from './target-backend.js'

export interface ListenAddress {
  host: string
  /** 0 picks a free one. */
  port: number
}

export interface IscsiTargetOptions {
  backend: TargetBackend
  /** Data services portal: discovery, and logins that are sent on to a "CVM" portal. */
  listen: ListenAddress
  /** "CVM" portal: where sessions live. */
  cvmListen: ListenAddress
  /** Silence after which a session is asked for a sign of life; it ends after twice that. Default 15 s. */
  pingIntervalMs?: number
  /** Answer commands without a task attribute with Reject, as one report says of a real cluster. Default: accept. */
  rejectUntagged?: boolean
  /** Send logins with CHAP on at their end like all others; libiscsi cannot follow then. Default: at their start. */
  redirectChapLate?: boolean
  /**
   * Told of every new session once its login has been answered, discovery included. (`openTarget` is asked more
   * than once a login: at either portal, and again at the end.)
   */
  onSession?: (session: SessionInfo) => void
  /** Told of errors that are neither an initiator's nor a disk's; the connection concerned is closed. */
  onError?: (error: unknown) => void
}

export interface SessionInfo {
  id: number
  initiatorName: string
  initiatorAddress: string
  /** Absent: a discovery session. */
  targetName?: string
  since: Date
}

export type SessionFilter = (session: SessionInfo) => boolean

export interface IscsiTarget {
  /** `host:port` of the data services portal; IPv6 in brackets. */
  readonly dataServices: string
  readonly cvmPortals: readonly string[]
  sessions(): SessionInfo[]
  /** Cuts connections without a word, as a failing network does; returns how many. */
  dropSessions(filter: SessionFilter): number
  /**
   * Ends the initiator's sessions at a target and its `-tgtN` twins. On return none of their commands runs;
   * the backend must have stopped showing the target before, or the initiator logs in again.
   */
  revoke(targetName: string, initiatorName: string): Promise<void>
  /** CAPACITY DATA HAS CHANGED for everyone who uses the disk. */
  notifyResized(diskUuid: string): void
  /** REPORTED LUNS DATA HAS CHANGED in the sessions chosen. */
  notifyLunsChanged(filter: SessionFilter): void
  /** Drops what is remembered of a deleted disk, its reservations above all. */
  forgetDisk(diskUuid: string): void
  close(): Promise<void>
}

interface Live {
  info: SessionInfo
  connection: Connection
  session: Session
}

const defaultPingIntervalMs = 15_000

/** Opens both portals. Rejects with the listening error (EADDRINUSE, EACCES). */
export async function startIscsiTarget(options: IscsiTargetOptions): Promise<IscsiTarget> {
  const portals = new Portals(options)
  await portals.open()
  return portals
}

class Portals implements IscsiTarget {
  dataServices = ''
  cvmPortals: string[] = []
  private readonly units = new LogicalUnits()
  private readonly connections = new Set<Connection>()
  private readonly live = new Map<number, Live>()
  private readonly servers: Server[] = []
  private pingTimer: NodeJS.Timeout | undefined
  private lastTsih = 0

  constructor(private readonly options: IscsiTargetOptions) {}

  async open(): Promise<void> {
    const { listen, cvmListen, pingIntervalMs = defaultPingIntervalMs } = this.options
    try {
      // The CVM portal first: nobody is sent to a portal that is not there yet.
      const cvm = await this.listen(cvmListen, false)
      this.cvmPortals = [formatAddress(cvmListen.host, cvm)]
      this.dataServices = formatAddress(listen.host, await this.listen(listen, true))
    } catch (error) {
      await this.close()
      throw error
    }
    this.pingTimer = setInterval(() => this.pingSilent(pingIntervalMs), Math.max(10, pingIntervalMs / 2))
    this.pingTimer.unref()
  }

  sessions(): SessionInfo[] {
    return [...this.live.values()].map(({ info }) => info)
  }

  dropSessions(filter: SessionFilter): number {
    const dropped = this.chosen(filter)
    for (const { connection } of dropped) connection.destroy()
    return dropped.length
  }

  async revoke(targetName: string, initiatorName: string): Promise<void> {
    const chosen = this.chosen(
      (info) =>
        info.initiatorName === initiatorName &&
        (info.targetName === targetName || info.targetName?.replace(/-tgt\d+$/, '') === targetName),
    )
    await Promise.all(chosen.map(({ connection }) => connection.revoke()))
  }

  notifyResized(diskUuid: string): void {
    this.units.find(diskUuid)?.attend(attention.capacityChanged)
  }

  notifyLunsChanged(filter: SessionFilter): void {
    for (const { session } of this.chosen(filter)) this.units.attendNexus(session, attention.lunsChanged)
  }

  forgetDisk(diskUuid: string): void {
    this.units.forget(diskUuid)
  }

  async close(): Promise<void> {
    clearInterval(this.pingTimer)
    const closed = this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    const ended = [...this.connections].map(async (connection) => {
      connection.destroy()
      await connection.session?.end()
    })
    await Promise.all([...closed, ...ended])
  }

  private chosen(filter: SessionFilter): Live[] {
    return [...this.live.values()].filter(({ info }) => filter(info))
  }

  private async listen(address: ListenAddress, redirects: boolean): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.accept(socket, redirects))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(address.port, address.host, resolve)
    })
    this.servers.push(server)
    return addressOf(server).port
  }

  private accept(socket: Socket, redirects: boolean): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const login = new Login({
      backend: this.options.backend,
      address,
      redirectLate: this.options.redirectChapLate,
      redirectTo: redirects ? this.portalFor(socket, this.options.cvmListen.host, this.cvmPortals[0]) : undefined,
    })
    const connection: Connection = new Connection({
      socket,
      login,
      openSession: (loggedIn, link, expectedCommand) =>
        this.openSession(connection, loggedIn, link, expectedCommand, socket),
      onEnd: () => this.onEnd(connection),
      onClose: () => void this.connections.delete(connection),
      onError: (error) => this.options.onError?.(error),
    })
    this.connections.add(connection)
  }

  private openSession(
    connection: Connection,
    login: LoggedIn,
    link: SessionLink,
    expectedCommand: number,
    socket: Socket,
  ): { session: Session; tsih: number } {
    const { backend, rejectUntagged = false } = this.options
    const address = plainAddress(socket.remoteAddress ?? '')
    const portal = `${this.portalFor(socket, this.options.listen.host, this.dataServices)},1`
    const session = new Session({
      login,
      link,
      units: this.units,
      expectedCommand,
      rejectUntagged,
      sendTargets: (name) =>
        backend
          .visibleTargets({ name: login.initiatorName, address })
          .filter(({ targetName }) => name === 'All' || name === targetName)
          .flatMap(({ targetName }): [string, string][] => [
            ['TargetName', targetName],
            ['TargetAddress', portal],
          ]),
    })
    // The same initiator port at the same target again: the old session is gone (RFC 7143 6.3.5).
    if (!session.discovery)
      for (const other of this.live.values()) if (other.session.id === session.id) other.connection.destroy()
    const id = this.nextTsih()
    const info: SessionInfo = {
      id,
      initiatorName: login.initiatorName,
      initiatorAddress: address,
      targetName: login.target?.targetName,
      since: new Date(),
    }
    this.live.set(id, { info, connection, session })
    setImmediate(() => this.live.has(id) && this.options.onSession?.(info))
    return { session, tsih: id }
  }

  private nextTsih(): number {
    do this.lastTsih = (this.lastTsih % 0xffff) + 1
    while (this.live.has(this.lastTsih))
    return this.lastTsih
  }

  private onEnd(connection: Connection): void {
    for (const [id, one] of this.live) if (one.connection === connection) this.live.delete(id)
    void connection.session?.end()
  }

  private pingSilent(intervalMs: number): void {
    const now = performance.now()
    for (const connection of this.connections) {
      const silence = now - connection.lastHeard
      if (!connection.session || silence < intervalMs) continue
      if (silence > 2 * intervalMs + intervalMs / 2) connection.destroy()
      else connection.ping()
    }
  }

  /** The address to give a peer: behind a wildcard or a port forward, the one it came in by. */
  private portalFor(socket: Socket, host: string, portal: string | undefined): string {
    if (portal === undefined || !['0.0.0.0', '::', ''].includes(host)) return portal ?? ''
    return formatAddress(plainAddress(socket.localAddress ?? ''), Number(portal.slice(portal.lastIndexOf(':') + 1)))
  }
}

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the portal has no TCP address')
  return address
}

/** IPv4 in IPv6's clothes is IPv4. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
