import type { SimulatedCluster } from '../simulated-cluster.js'
import { Fields, toSnake } from './fields.js'

export type ApiName = 'v2.0' | 'v0.8' | 'v1' | 'sim'

export interface Request {
  readonly cluster: SimulatedCluster
  /** Values of `{name}` in the route's path. */
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed JSON; `undefined` for an empty body. */
  readonly body: unknown
  readonly api: ApiName
  readonly method: string
}

export interface Reply {
  /** Default 200. */
  status?: number
  body: unknown
}

export interface Route {
  readonly api: ApiName
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `/volume_groups/{uuid}`, without base and trailing slash. */
  readonly path: string
  readonly answer: (request: Request) => Reply | Promise<Reply>
}

export interface Match {
  route: Route
  parameters: Record<string, string>
}

/** Where each API lives; the first is the one of its specification. */
const bases: readonly { prefix: string; api: ApiName }[] = [
  { prefix: '/api/nutanix/v2.0', api: 'v2.0' },
  { prefix: '/PrismGateway/services/rest/v2.0', api: 'v2.0' },
  { prefix: '/api/nutanix/v0.8', api: 'v0.8' },
  { prefix: '/PrismGateway/services/rest/v0.8', api: 'v0.8' },
  { prefix: '/PrismGateway/services/rest/v1', api: 'v1' },
  { prefix: '/api/nutanix/v1', api: 'v1' },
  { prefix: '/sim/v1', api: 'sim' },
]

/** Finds routes by method and path, literal segments before parameters; the trailing slash does not matter. */
export class Router {
  private readonly routes: readonly { route: Route; segments: readonly string[] }[]

  constructor(routes: readonly Route[]) {
    this.routes = routes
      .map((route) => ({ route, segments: segmentsOf(route.path) }))
      .sort((a, b) => parametersIn(a.segments) - parametersIn(b.segments))
  }

  /** `otherMethods`: the path is known, the method is not. */
  find(method: string, path: string): Match | { otherMethods: string[] } | undefined {
    const base = bases.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
    if (!base) return undefined
    const segments = segmentsOf(path.slice(base.prefix.length))
    const otherMethods: string[] = []
    for (const candidate of this.routes) {
      if (candidate.route.api !== base.api) continue
      const parameters = fit(candidate.segments, segments)
      if (!parameters) continue
      if (candidate.route.method === method) return { route: candidate.route, parameters }
      otherMethods.push(candidate.route.method)
    }
    return otherMethods.length > 0 ? { otherMethods } : undefined
  }
}

/** Makes the routes of one API: `route('GET', '/state', answer)`. */
export function routesOf(api: ApiName): (method: Route['method'], path: string, answer: Route['answer']) => Route {
  return (method, path, answer) => ({ api, method, path, answer })
}

/** `GET v2.0 /volume_groups/{uuid}`. */
export function routeName(route: Route): string {
  return `${route.method} ${route.api} ${route.path}`
}

/** What faults match: `GET /volume_groups/1b2c...`, without base and trailing slash. */
export function faultNames(method: string, path: string): string[] {
  const base = bases.find(({ prefix }) => path.startsWith(`${prefix}/`))
  // The first docker-machine driver has two slashes after the base.
  const full = path.replace(/\/{2,}/g, '/').replace(/\/$/, '')
  return base ? [`${method} ${full.slice(base.prefix.length)}`, `${method} ${full}`] : [`${method} ${full}`]
}

/** The body's fields, in snake_case whichever of Prism's APIs was asked: v0.8 and v1 speak camelCase. */
export function bodyOf({ api, body }: Request): Fields {
  return Fields.of(api === 'v0.8' || api === 'v1' ? toSnake(body) : body)
}

export function queryInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  return text === null || text === '' ? undefined : Fields.of({ [name]: text }).integer(name)
}

export function queryBoolean(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name)
  return text === null ? undefined : Fields.of({ [name]: text.toLowerCase() }).boolean(name)
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '')
}

function parametersIn(segments: readonly string[]): number {
  return segments.filter((segment) => segment.startsWith('{')).length
}

function fit(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [at, expected] of pattern.entries()) {
    const given = segments[at] ?? ''
    if (expected.startsWith('{')) parameters[expected.slice(1, -1)] = decode(given)
    else if (expected !== given) return undefined
  }
  return parameters
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
