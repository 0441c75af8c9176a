import { randomUUID } from 'node:crypto'
import { isAcsError, messageOf, type AcsError } from '../base/errors.js'
import { redactFields } from '../base/redact.js'
import { deadlineIn, type Deadline } from '../base/deadline.js'
import { ConnectFailure } from './agent.js'
import { jsonOf, reasonOf, type Answer } from './answer.js'
import { fetchCertificate } from './certificate.js'
import type { Endpoint } from './endpoint.js'
import {
  busy,
  codeOf,
  connectionLost,
  isCertificateCode,
  refused,
  unreachable,
  untrustedCertificate,
  wrongPassword,
} from './errors.js'
import { asksToComeBack, backoffMs, mayPass, parseRetryAfter, retriesFor } from './retry.js'
import { Session, type Authentication } from './session.js'
import { createTransport, type Transport } from './transport.js'

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the API's base path, with its leading slash. */
  path: string
  /** Of another API of the same gateway. */
  basePath?: string
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  body?: unknown
  /** Default: 60 s from now. */
  deadline?: Deadline
  /** What this is for, as in "timed out while `doing`". */
  doing: string
  /** May be repeated after a lost answer. Default: only GET. */
  repeatable?: boolean
}

export interface HttpResult {
  /** Parsed JSON; `undefined` for an empty body. */
  body: unknown
  requestId: string
  /** An earlier try may have been carried out already: its answer was lost. */
  repeated: boolean
}

/** One try of a call, for the debug log. Holds no secret. */
export interface PrismCallEvent {
  requestId: string
  method: string
  path: string
  /** 0 for the first try. */
  retry: number
  authentication: Authentication['kind']
  ms: number
  status?: number
  error?: string
  /** Redacted. */
  body?: unknown
}

export interface HttpOptions {
  endpoint: Endpoint
  basePath: string
  username: string
  /** Asked once per login, and only then. */
  password: () => Promise<string>
  /** PEM text of the CA that vouches for Prism; default: the system's CAs. */
  ca?: string
  /** SHA-256 fingerprint of Prism's certificate. When given, it alone decides. */
  fingerprint?: string
  userAgent: string
  /** Called after each try, with no secret in it. */
  log?: (event: PrismCallEvent) => void
  /** First step of the back-off between tries, ms; default 200. */
  retryBaseMs?: number
}

const callTimeoutMs = 60_000

type Outcome = { answer: Answer } | { error: unknown }

/** Prism over HTTP: login, repeats and errors in one place; the API versions sit on top. */
export class PrismHttp {
  private readonly transport: Transport
  private readonly session: Session

  constructor(private readonly options: HttpOptions) {
    const { endpoint, username, fingerprint, ca } = options
    this.transport = createTransport({
      origin: endpoint.origin,
      username,
      userAgent: options.userAgent,
      trust: { fingerprint, ca },
    })
    this.session = new Session(options.password, (answer) =>
      wrongPassword(endpoint.authority, username, { status: answer?.status ?? 401 }),
    )
  }

  /**
   * Resolves with the body of a 2xx answer. Throws EACSAUTH, EACSPERMISSION, EACSCERTIFICATE, EACSUNREACHABLE,
   * EACSTIMEOUT, EACSINTERRUPTED, EACSNOTFOUND (a 404), EACSPRISM (any other refusal); `details.repeated` tells
   * that an earlier try may have been carried out.
   */
  async request(request: HttpRequest): Promise<HttpResult> {
    const deadline = request.deadline ?? deadlineIn(callTimeoutMs)
    const requestId = randomUUID()
    const repeatable = request.repeatable ?? request.method === 'GET'
    let repeated = false
    for (let retry = 0; ; retry += 1) {
      deadline.check(request.doing)
      const outcome = await this.attempt(request, { deadline, requestId, repeatable, retry })
      if ('answer' in outcome && outcome.answer.status < 300 && outcome.answer.status >= 200)
        return { body: bodyOf(outcome.answer), requestId, repeated }
      const failure = await this.judge(outcome, request, { deadline, requestId, repeated })
      const waitMs = failure.waitMs ?? backoffMs(retry, this.options.retryBaseMs ?? 200)
      const allowed = failure.passing && (repeatable || !failure.mayBeDone) && retry < retriesFor(failure)
      // No sleeping into a deadline: the failure itself says more than "timed out".
      if (!allowed || waitMs >= deadline.remainingMs()) throw failure.error
      repeated ||= failure.mayBeDone
      await deadline.sleep(waitMs, request.doing)
    }
  }

  close(): void {
    this.transport.close()
  }

  private async attempt(
    request: HttpRequest,
    call: { deadline: Deadline; requestId: string; repeatable: boolean; retry: number },
  ): Promise<Outcome> {
    const { deadline, requestId, repeatable, retry } = call
    const { method, path, body } = request
    const target = (request.basePath ?? this.options.basePath) + path + queryString(request.query)
    const send = async (authentication: Authentication): Promise<Answer> => {
      deadline.check(request.doing)
      const started = performance.now()
      const log = (result: { status: number } | { error: string }): void =>
        this.options.log?.({
          ...{ requestId, method, path, retry, authentication: authentication.kind, ...result },
          ms: Math.round(performance.now() - started),
          ...(body === undefined ? {} : { body: redactFields(body) }),
        })
      try {
        const answer = await this.transport.send({
          ...{ method, target, body, requestId, authentication, repeatable, deadline },
        })
        log({ status: answer.status })
        return answer
      } catch (error) {
        log({ error: `${codeOf(error)}: ${messageOf(error)}` })
        throw error
      }
    }
    try {
      return { answer: await orAborted(this.session.run(send), deadline) }
    } catch (error) {
      return { error }
    }
  }

  private async judge(
    outcome: Outcome,
    request: HttpRequest,
    call: { deadline: Deadline; requestId: string; repeated: boolean },
  ): Promise<Failure> {
    const { authority } = this.options.endpoint
    const facts = { requestId: call.requestId, method: request.method, path: request.path }
    if ('answer' in outcome) {
      const { answer } = outcome
      const { status } = answer
      if (!asksToComeBack(status))
        return {
          error: refused({ ...facts, status, repeated: call.repeated }, reasonOf(answer)),
          passing: false,
          mayBeDone: true,
        }
      return {
        error: busy(authority, { ...facts, status }, reasonOf(answer)),
        passing: true,
        // A gateway that gave up says nothing about what stands behind it.
        mayBeDone: status === 502 || status === 504,
        waitMs: parseRetryAfter(answer.headers['retry-after'], new Date()),
      }
    }
    const { error } = outcome
    if (isAcsError(error)) throw error
    if (call.deadline.signal.aborted) {
      // The signal may be a tick ahead of the clock that `check` reads.
      await call.deadline.sleep(call.deadline.remainingMs(), request.doing)
    }
    const code = codeOf(error)
    if (error instanceof ConnectFailure) {
      if (isCertificateCode(error.code)) throw await this.certificateError(error, call.deadline)
      return { error: unreachable(authority, error, facts), passing: mayPass(code), mayBeDone: false, code }
    }
    return { error: connectionLost(authority, error, facts), passing: mayPass(code), mayBeDone: true, code }
  }

  private async certificateError(failure: ConnectFailure, deadline: Deadline): Promise<AcsError> {
    const { authority, origin } = this.options.endpoint
    const presented =
      failure.presentedFingerprint ??
      (await fetchCertificate(origin, deadline.atMost(5_000)).then(
        (certificate) => certificate.fingerprint,
        // It only adds to the message; the certificate error itself stands.
        () => undefined,
      ))
    return untrustedCertificate(authority, failure, presented, this.options.fingerprint !== undefined)
  }
}

interface Failure {
  error: AcsError
  /** A moment may cure it. */
  passing: boolean
  /** The request may have reached Prism. */
  mayBeDone: boolean
  waitMs?: number
  code?: string
}

function bodyOf(answer: Answer): unknown {
  return answer.text === '' ? undefined : jsonOf(answer.text)
}

function queryString(query: HttpRequest['query']): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(key, String(value))
  return search.size === 0 ? '' : `?${search.toString()}`
}

/** Ends the wait for someone else's login when our own time is up. */
async function orAborted<T>(work: Promise<T>, deadline: Deadline): Promise<T> {
  const { signal } = deadline
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = (): void => reject(new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (abort) signal.removeEventListener('abort', abort)
  }
}
