import type { AxiosInstance, RawAxiosResponseHeaders, AxiosResponseHeaders } from 'axios'
import type { Deadline } from '../base/deadline.js'
import { messageOf } from '../base/errors.js'
import { hideSecret } from '../base/redact.js'
import { ConnectFailure, PrismAgent, type Trust } from './agent.js'
import type { Answer } from './answer.js'
import { codeOf } from './errors.js'
import type { Authentication } from './session.js'

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Path and query. */
  target: string
  body?: unknown
  requestId: string
  authentication: Authentication
  /** Whether a lost answer can be cured by repeating; else the request gets a connection of its own. */
  repeatable: boolean
  deadline: Deadline
}

export interface Transport {
  /** One try: resolves with whatever status came; rejects with ConnectFailure or Node's error. */
  send(request: TransportRequest): Promise<Answer>
  close(): void
}

export interface TransportOptions {
  origin: string
  username: string
  userAgent: string
  trust: Trust
}

/** Longest silence of one try, whatever the deadline allows. */
const attemptTimeoutMs = 60_000
/** 5,000 volume groups are about 5 MB; this is far above, and still bounded. */
const maxAnswerBytes = 512 * 1024 ** 2

/** HTTP over axios: connections, TLS and headers, nothing else. */
export function createTransport(options: TransportOptions): Transport {
  // Few connections: Prism's gateway is shared with its console, and refuses crowds.
  const agent = new PrismAgent(options.trust, { keepAlive: true, maxSockets: 4, maxFreeSockets: 4 })
  // An idle connection may be closed by the server just as a request goes out. For a request that must not be
  // repeated that is not curable, so it gets a fresh connection.
  const freshAgent = new PrismAgent(options.trust, { keepAlive: false, maxSockets: 4 })
  let client: Promise<AxiosInstance> | undefined

  return {
    async send(request) {
      client ??= createClient(options)
      const { method, target, deadline } = request
      const axios = await client
      const response = await axios
        .request<string>({
          method,
          url: options.origin + target,
          httpsAgent: request.repeatable ? agent : freshAgent,
          signal: deadline.signal,
          timeout: Math.ceil(Math.min(attemptTimeoutMs, deadline.remainingMs())),
          headers: {
            ...authenticationHeader(options.username, request.authentication),
            'x-request-id': request.requestId,
            ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(request.body === undefined ? {} : { data: JSON.stringify(request.body) }),
        })
        .catch((error: unknown) => {
          throw withoutRequest(error)
        })
      return {
        status: response.status,
        headers: flatten(response.headers),
        setCookies: setCookies(response.headers),
        text: response.data,
      }
    },
    close() {
      agent.destroy()
      freshAgent.destroy()
    },
  }
}

/** axios hangs the whole request, password included, on its errors: only the network's own error goes on. */
function withoutRequest(error: unknown): Error {
  const original: unknown = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (original instanceof ConnectFailure) return original
  return Object.assign(new Error(messageOf(error)), { code: codeOf(error) })
}

async function createClient(options: TransportOptions): Promise<AxiosInstance> {
  const { default: axios } = await import('axios')
  return axios.create({
    adapter: 'http',
    // Prism is on the management network; a proxy from the environment would see its traffic.
    proxy: false,
    // A redirect must not carry the password elsewhere.
    maxRedirects: 0,
    responseType: 'text',
    transformRequest: [(data: unknown) => data],
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    transitional: { clarifyTimeoutError: true },
    maxContentLength: maxAnswerBytes,
    headers: { accept: 'application/json', 'user-agent': options.userAgent },
  })
}

function authenticationHeader(username: string, authentication: Authentication): Record<string, string> {
  if (authentication.kind === 'cookie') return { cookie: authentication.cookie }
  // Hidden in this form too: a gateway may quote the request it does not like.
  const encoded = hideSecret(Buffer.from(`${username}:${authentication.password}`, 'utf8').toString('base64'))
  return { authorization: `Basic ${encoded}` }
}

function flatten(headers: RawAxiosResponseHeaders | AxiosResponseHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? value : undefined]),
  )
}

function setCookies(headers: RawAxiosResponseHeaders | AxiosResponseHeaders): string[] {
  const value: unknown = headers['set-cookie']
  return [value].flat().filter((line) => typeof line === 'string')
}
