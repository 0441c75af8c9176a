import { isRecord } from '../../base/record.js'
import { Complaint } from './check.js'
import { documentOf, fieldOf, outcomeOf, refused, succeeded, type Exchange } from './exchange.js'

/** Throws a complaint unless the call was answered without an error. `what` is `Create of "v"`. */
export function expectSuccess(exchange: Exchange, what: string): Exchange {
  if (succeeded(exchange)) return exchange
  throw new Complaint(`${what} ${exchange.lost ? 'got no answer' : 'failed'}: ${outcomeOf(exchange)}`, exchange)
}

/** Throws a complaint unless the call was answered with an error, of whatever form. */
export function expectRefusal(exchange: Exchange, what: string): Exchange {
  if (refused(exchange)) return exchange
  if (exchange.lost) throw new Complaint(`${what} got no answer: ${exchange.lost.text}`, exchange)
  throw new Complaint(`${what} was answered with success`, exchange)
}

/** What `Get` says of a volume; null when it says that there is none. Throws a complaint when it got no answer. */
export function volumeIn(exchange: Exchange): unknown {
  if (exchange.lost) throw new Complaint(`Get got no answer: ${exchange.lost.text}`, exchange)
  return succeeded(exchange) ? (fieldOf(documentOf(exchange), 'Volume') ?? null) : null
}

/** The entries of a `List`. Throws a complaint when there is no list. */
export function volumesIn(exchange: Exchange): unknown[] {
  expectSuccess(exchange, 'List')
  const volumes = fieldOf(documentOf(exchange), 'Volumes') ?? []
  if (!Array.isArray(volumes)) throw new Complaint('List has no list in "Volumes"', exchange)
  return volumes
}

/** The entries of a `List` with that name. */
export function listed(exchange: Exchange, name: string): unknown[] {
  return volumesIn(exchange).filter((entry) => fieldOf(entry, 'Name') === name)
}

/** `Mountpoint` of an answer or of a volume; empty when absent. */
export function mountpointOf(value: unknown): string {
  const mountpoint = fieldOf(value, 'Mountpoint')
  return typeof mountpoint === 'string' ? mountpoint : ''
}

/** The path that a Mount answered. Throws a complaint when it failed, or told none that is absolute. */
export function mountedAt(exchange: Exchange): string {
  expectSuccess(exchange, 'Mount')
  const path = mountpointOf(documentOf(exchange))
  if (!path.startsWith('/')) throw new Complaint(`Mount told no absolute path but ${JSON.stringify(path)}`, exchange)
  return path
}

/** What is wrong with a time for Go's `time.Time.UnmarshalJSON`; undefined when it can be read, is absent or null. */
export function timeFault(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') return `is no text but ${JSON.stringify(value)}`
  const match = /^\d{4}-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))$/.exec(value)
  if (!match) return `is no RFC 3339 time but ${JSON.stringify(value)}`
  const [month, day, hour, minute, second, zoneHour, zoneMinute] = match.slice(1).map((part) => Number(part || 0))
  const inRange =
    (month ?? 0) >= 1 &&
    (month ?? 0) <= 12 &&
    // A day that the month does not have is an error for Go, and another month's day for Date.
    new Date(`${value.slice(0, 10)}T00:00:00Z`).getUTCDate() === day &&
    (hour ?? 0) < 24 &&
    (minute ?? 0) < 60 &&
    (second ?? 0) < 60 &&
    (zoneHour ?? 0) < 24 &&
    (zoneMinute ?? 0) < 60
  return inRange ? undefined : `has a part out of range: ${JSON.stringify(value)}`
}

/** What is wrong with a `Status` for Go's `map[string]interface{}`. */
export function statusFault(value: unknown): string | undefined {
  if (value === undefined || value === null || isRecord(value)) return undefined
  return `is no object but ${JSON.stringify(value)}`
}
