import { ChapExchange } from './chap.js'
import { defaultParameters, negotiate } from './negotiation.js'
import type { SessionParameters } from './negotiation.js'
import { byteAt } from './pdu.js'
import type { OpenTarget, TargetBackend } from './target-backend.js'
import { encodeTextKeys, parseTextKeys, TextFormatError } from './text-keys.js'

/** RFC 7143 11.13.5, class and detail in one number. */
export const loginStatus = {
  success: 0x0000,
  movedTemporarily: 0x0101,
  initiatorError: 0x0200,
  authenticationFailed: 0x0201,
  notFound: 0x0203,
  unsupportedVersion: 0x0205,
  tooManyConnections: 0x0206,
  missingParameter: 0x0207,
  sessionTypeNotSupported: 0x0209,
  sessionDoesNotExist: 0x020a,
} as const

/** Who logged in, to what, on which terms. */
export interface LoggedIn {
  initiatorName: string
  /** Six bytes. */
  isid: Buffer
  /** Absent in a discovery session. */
  target?: OpenTarget
  parameters: SessionParameters
}

export type LoginAnswer =
  | { kind: 'more'; flags: number; text: Buffer }
  | { kind: 'done'; flags: number; text: Buffer; session: LoggedIn }
  | { kind: 'moved'; flags: number; text: Buffer }
  | { kind: 'refused'; status: number }
  | { kind: 'reject' }

export interface LoginSurroundings {
  backend: TargetBackend
  /** IP address of the initiator. */
  address: string
  /** `host:port` that normal sessions are sent on to; absent where they may stay. */
  redirectTo?: string
  /** Also sessions with CHAP are sent on at the end only, when they have authenticated. */
  redirectLate?: boolean
}

const transit = 0x80
const goesOn = 0x40
const security = 0
const operational = 1
const fullFeature = 3
const maxText = 64 * 1024
const longestName = 223

/** The target's side of one login (RFC 7143 6): security phase, operational phase, redirection at its end as recorded. */
export class Login {
  private readonly parameters = defaultParameters()
  private phase: number | undefined
  private text: Buffer = Buffer.alloc(0)
  private initiatorName = ''
  private discovery = false
  private target: OpenTarget | undefined
  private chap: ChapExchange | undefined
  private chapNeeded = false

  constructor(private readonly around: LoginSurroundings) {}

  receive(header: Buffer, data: Buffer): LoginAnswer {
    const flags = byteAt(header, 1)
    const current = (flags >>> 2) & 3
    const next = flags & 3
    if (byteAt(header, 3) > 0) return { kind: 'refused', status: loginStatus.unsupportedVersion }
    if ((flags & transit) !== 0) {
      // One PDU from security straight to full feature draws a Reject (recorded).
      if (current === security && next === fullFeature) return { kind: 'reject' }
      if ((flags & goesOn) !== 0 || next === 2 || next <= current) return refuse(loginStatus.initiatorError)
    }
    if (current > operational || (this.phase !== undefined && current < this.phase))
      return refuse(loginStatus.initiatorError)
    this.text = this.text.length === 0 ? data : Buffer.concat([this.text, data])
    if (this.text.length > maxText) return refuse(loginStatus.initiatorError)
    if ((flags & goesOn) !== 0) return { kind: 'more', flags: current << 2, text: Buffer.alloc(0) }
    try {
      const keys = parseTextKeys(this.text)
      this.text = Buffer.alloc(0)
      return this.advance(keys, header, (flags & transit) !== 0, current, next)
    } catch (error) {
      if (error instanceof TextFormatError) return refuse(loginStatus.initiatorError)
      throw error
    }
  }

  private advance(
    keys: ReadonlyMap<string, string>,
    header: Buffer,
    wantsOn: boolean,
    current: number,
    next: number,
  ): LoginAnswer {
    const first = this.phase === undefined
    this.phase = current
    const answers = new Map<string, string>()
    if (first) {
      const status = this.identify(keys, header)
      if (status !== loginStatus.success) return refuse(status)
      if (this.target) answers.set('TargetPortalGroupTag', '1')
    }
    if (current === security) {
      if (first && this.mustMoveEarly(keys)) return this.moved(security, [])
      const outcome = this.authenticate(keys, answers)
      if (outcome === 'failed') return refuse(loginStatus.authenticationFailed)
      for (const [key, value] of negotiate(withoutChap(keys), this.parameters)) answers.set(key, value)
      if (outcome === 'unfinished' || !wantsOn) return more(current << 2, answers)
      return more(transit | (current << 2) | next, answers)
    }
    // Whoever skips the security phase has not authenticated.
    if (this.chapNeeded) return refuse(loginStatus.authenticationFailed)
    const agreed = negotiate(keys, this.parameters)
    if (!wantsOn) return more(current << 2, new Map([...answers, ...agreed]))
    if (this.around.redirectTo !== undefined && !this.discovery) return this.moved(operational, [...answers, ...agreed])
    // Asked again: the permission may have gone while the login went on, and revoking ends only sessions.
    const identity = { name: this.initiatorName, address: this.around.address }
    const target = this.target && this.around.backend.openTarget(this.target.targetName, identity)
    if (this.target && !target) return refuse(loginStatus.notFound)
    return {
      kind: 'done',
      flags: transit | (operational << 2) | fullFeature,
      text: encodeTextKeys([...answers, ...agreed]),
      session: {
        initiatorName: this.initiatorName,
        isid: Buffer.from(header.subarray(8, 14)),
        target,
        parameters: this.parameters,
      },
    }
  }

  /**
   * Where a login with CHAP is sent on is not recorded. libiscsi (QEMU) keeps the phase it was in over a
   * redirection, so it can authenticate to the next portal only when it is sent on at once.
   */
  private mustMoveEarly(keys: ReadonlyMap<string, string>): boolean {
    const { redirectTo, redirectLate = false } = this.around
    const offersChap = keys.get('AuthMethod')?.split(',').includes('CHAP') === true
    return redirectTo !== undefined && !redirectLate && !this.discovery && this.chapNeeded && offersChap
  }

  private moved(phase: number, keys: [string, string][]): LoginAnswer {
    const text = encodeTextKeys([['TargetAddress', this.around.redirectTo ?? ''], ...keys])
    return { kind: 'moved', flags: (phase << 2) | phase, text }
  }

  private identify(keys: ReadonlyMap<string, string>, header: Buffer): number {
    const name = keys.get('InitiatorName')
    if (name === undefined || name === '') return loginStatus.missingParameter
    if (name.length > longestName) return loginStatus.initiatorError
    // One connection a session: a TSIH asks to join one.
    if (header.readUInt16BE(14) !== 0) return loginStatus.sessionDoesNotExist
    const type = keys.get('SessionType') ?? 'Normal'
    if (type !== 'Normal' && type !== 'Discovery') return loginStatus.sessionTypeNotSupported
    this.initiatorName = name
    this.discovery = type === 'Discovery'
    const identity = { name, address: this.around.address }
    if (this.discovery) {
      this.expectChap(this.around.backend.discoveryChap?.(identity))
      return loginStatus.success
    }
    const targetName = keys.get('TargetName')
    if (targetName === undefined || targetName === '') return loginStatus.missingParameter
    this.target = this.around.backend.openTarget(targetName, identity)
    if (!this.target) return loginStatus.notFound
    this.expectChap(this.target.chap)
    return loginStatus.success
  }

  private expectChap(credentials: OpenTarget['chap']): void {
    if (!credentials) return
    this.chap = new ChapExchange(credentials)
    this.chapNeeded = true
  }

  private authenticate(
    keys: ReadonlyMap<string, string>,
    answers: Map<string, string>,
  ): 'passed' | 'failed' | 'unfinished' {
    const offered = keys.get('AuthMethod')?.split(',')
    if (!this.chapNeeded || !this.chap) {
      if (offered) {
        // CHAP alone, where nothing was agreed to prove: no method in common.
        if (!offered.includes('None')) return 'failed'
        answers.set('AuthMethod', 'None')
      }
      return 'passed'
    }
    if (offered) {
      if (!offered.includes('CHAP')) return 'failed'
      answers.set('AuthMethod', 'CHAP')
      if (!keys.has('CHAP_A')) return 'unfinished'
    } else if (!keys.has('CHAP_A') && !keys.has('CHAP_N')) return 'failed'
    const step = this.chap.receive(keys)
    if (step === 'failed') return 'failed'
    if ('answers' in step) {
      for (const [key, value] of step.answers) answers.set(key, value)
      return 'unfinished'
    }
    for (const [key, value] of step.passed) answers.set(key, value)
    this.chapNeeded = false
    return 'passed'
  }
}

function more(flags: number, answers: ReadonlyMap<string, string>): LoginAnswer {
  return { kind: 'more', flags, text: encodeTextKeys(answers) }
}

function refuse(status: number): LoginAnswer {
  return { kind: 'refused', status }
}

function withoutChap(keys: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...keys].filter(([key]) => !key.startsWith('CHAP_')))
}
