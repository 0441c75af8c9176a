import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who may ask, and for how long a cookie says so. Sessions live in memory: a restart forgets them. */
export class Sessions {
  private readonly lastUse = new Map<string, number>()
  logins = 0
  failedLogins = 0

  constructor(
    private readonly username: string,
    private readonly password: string,
    private readonly lifetimeMs: () => number,
  ) {}

  /** `cookie` is to be set when a password was checked; `undefined`: nobody we know. */
  authenticate(request: IncomingMessage): { cookie?: string } | undefined {
    const id = cookieOf(request)
    if (id !== undefined && this.isAlive(id)) {
      // Moved to the end: the map stays in the order of last use.
      this.lastUse.delete(id)
      this.lastUse.set(id, performance.now())
      return {}
    }
    const basic = /^Basic\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (basic === undefined) return undefined
    if (!this.isPassword(Buffer.from(basic, 'base64').toString('utf8'))) {
      this.failedLogins += 1
      return undefined
    }
    this.logins += 1
    const session = randomBytes(16).toString('hex').toUpperCase()
    this.lastUse.set(session, performance.now())
    this.forgetOld()
    return { cookie: `JSESSIONID=${session}; Path=/; Secure; HttpOnly` }
  }

  /** Ends the session the request came with. */
  expire(request: IncomingMessage): void {
    const id = cookieOf(request)
    if (id !== undefined) this.lastUse.delete(id)
  }

  get size(): number {
    this.forgetOld()
    return this.lastUse.size
  }

  clear(): void {
    this.lastUse.clear()
  }

  private isAlive(id: string): boolean {
    const last = this.lastUse.get(id)
    if (last === undefined) return false
    if (performance.now() - last < this.lifetimeMs()) return true
    this.lastUse.delete(id)
    return false
  }

  private forgetOld(): void {
    for (const id of this.lastUse.keys()) if (this.isAlive(id)) return
  }

  private isPassword(given: string): boolean {
    // Digests have one length, which the comparison needs, and tell nothing by timing.
    return timingSafeEqual(digest(given), digest(`${this.username}:${this.password}`))
  }
}

function cookieOf(request: IncomingMessage): string | undefined {
  return /(?:^|;\s*)JSESSIONID=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
