import type { AcsError } from '../base/errors.js'
import { hideSecret } from '../base/redact.js'
import type { Answer } from './answer.js'

/** How one request proves who it is. */
export type Authentication = { kind: 'basic'; password: string } | { kind: 'cookie'; cookie: string }

export type Send = (authentication: Authentication) => Promise<Answer>

/**
 * An account is locked by a few wrong passwords, so one that was refused is not sent again for as long as
 * a session lives (recorded on Prism: 15 minutes).
 */
const refusalHoldMs = 15 * 60_000

/**
 * The login of one client. The first call carries Basic and all others wait for it; from then on only the
 * session cookie travels. Many parallel Basic logins make directory back-ends refuse some of them and lock
 * accounts (terraform-provider-nutanix 93), so there is never more than one under way, and a refused password is final.
 */
export class Session {
  private readonly cookies = new Map<string, string>()
  private generation = 0
  /** Cookies of a login that did not survive their first use: some servers set cookies that are no session. */
  private uselessLogins = 0
  private usedSinceLogin = false
  private queue: Promise<unknown> = Promise.resolve()
  private refused: { password: string; at: number } | undefined

  constructor(
    private readonly password: () => Promise<string>,
    private readonly refusal: (answer?: Answer) => AcsError,
  ) {}

  /** Sends with the cookie, else with Basic; once more with Basic when the cookie is no longer good. */
  async run(send: Send): Promise<Answer> {
    for (let round = 0; round < 3; round += 1) {
      const cookie = this.cookie()
      if (cookie !== undefined) {
        const { generation } = this
        const answer = await this.sendWithCookie(send, cookie)
        if (answer.status !== 401) return answer
        this.forget(generation)
      }
      // Whoever was in front of us may have logged in for us: then its cookie is tried, outside the queue.
      const answer = await this.alone(async () => (this.cookie() === undefined ? this.sendWithBasic(send) : undefined))
      if (answer !== undefined) return answer
    }
    return this.alone(() => this.sendWithBasic(send))
  }

  private async sendWithCookie(send: Send, cookie: string): Promise<Answer> {
    const answer = await send({ kind: 'cookie', cookie })
    if (answer.status !== 401) {
      this.usedSinceLogin = true
      this.keepCookies(answer)
    }
    return answer
  }

  private async sendWithBasic(send: Send): Promise<Answer> {
    const password = await this.password()
    if (this.refused?.password === password && Date.now() - this.refused.at < refusalHoldMs) throw this.refusal()
    const answer = await send({ kind: 'basic', password })
    if (answer.status === 401) {
      this.refused = { password, at: Date.now() }
      throw this.refusal(answer)
    }
    this.refused = undefined
    this.generation += 1
    this.usedSinceLogin = false
    this.keepCookies(answer)
    return answer
  }

  private cookie(): string | undefined {
    if (this.cookies.size === 0 || this.uselessLogins >= 2) return undefined
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  private forget(generation: number): void {
    if (generation !== this.generation || this.cookies.size === 0) return
    this.uselessLogins = this.usedSinceLogin ? 0 : this.uselessLogins + 1
    this.cookies.clear()
  }

  private keepCookies(answer: Answer): void {
    for (const header of answer.setCookies) {
      const match = /^\s*([^=;\s]+)=([^;]*)/.exec(header)
      if (!match?.[1]) continue
      if (match[2] === '' || /;\s*max-age=(0|-\d+)/i.test(header)) this.cookies.delete(match[1])
      else this.cookies.set(match[1], hideSecret(match[2] ?? ''))
    }
  }

  /** One after the other; a failure in front of us is not ours. */
  private async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.queue
    const mine = before.then(work, work)
    this.queue = mine.catch(() => undefined)
    return mine
  }
}
