import { isRecord } from '../../base/record.js'
import type { Lost } from './wire.js'

/** One request to the plugin and what came back: what checks judge, and the evidence of their verdicts. */
export interface Exchange {
  /** `VolumeDriver.Get`. */
  call: string
  method: string
  /** The request's body, or what was sent instead of a proper request. */
  request: string
  /** Null when no answer came; then `lost` says why. */
  status: number | null
  headers: Readonly<Record<string, string>>
  body: string
  lost?: Lost
  keepsAlive: boolean
  ms: number
}

/** The document in the answer; undefined when it is none. */
export function documentOf({ body }: Pick<Exchange, 'body'>): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** A field of an object whatever its case, as Go's encoding/json reads it; the exact spelling goes first. */
export function fieldOf(value: unknown, name: string): unknown {
  if (!isRecord(value)) return undefined
  if (Object.hasOwn(value, name)) return value[name]
  const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : value[key]
}

/** The text of `Err`; undefined when there is none, or an empty one. */
export function errOf(exchange: Pick<Exchange, 'body'>): string | undefined {
  const err = fieldOf(documentOf(exchange), 'Err')
  return typeof err === 'string' && err !== '' ? err : undefined
}

/** Answered, and not with an error. A body that is no JSON does not matter here: one check looks after that. */
export function succeeded(exchange: Exchange): boolean {
  return exchange.status === 200 && errOf(exchange) === undefined
}

/** Answered with an error, of whatever form. */
export function refused(exchange: Exchange): boolean {
  return exchange.status !== null && !succeeded(exchange)
}

/** `HTTP 500 "no such volume"`, or why there is no answer. */
export function outcomeOf(exchange: Exchange): string {
  if (exchange.lost) return exchange.lost.text
  return `HTTP ${exchange.status ?? 0} ${JSON.stringify(shortened(errOf(exchange) ?? exchange.body.trim()))}`
}

/** The beginning of a long text, and how much more there is. */
export function shortened(text: string, limit = 300): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}... (${text.length - limit} more)`
}
