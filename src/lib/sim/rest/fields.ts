import { errorCodes, WireError } from '../wire-error.js'

/**
 * Reads a request body as leniently as the cluster does: several spellings of a field, booleans and numbers as
 * strings, enums in any case, `null` as absent. Throws a 400 for what cannot be read at all.
 */
export class Fields {
  private constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  static of(body: unknown, what = 'request body'): Fields {
    if (isObject(body)) return new Fields(body)
    throw unreadable(`The ${what} must be a JSON object`)
  }

  has(...names: readonly string[]): boolean {
    return this.find(names) !== undefined
  }

  string(...names: readonly string[]): string | undefined {
    const value = this.find(names)
    if (value === undefined || typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw wrongType(names, 'a string')
  }

  integer(...names: readonly string[]): number | undefined {
    const value = this.find(names)
    if (value === undefined) return undefined
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number
    throw wrongType(names, 'an integer')
  }

  boolean(...names: readonly string[]): boolean | undefined {
    const value = this.find(names)
    if (value === undefined || typeof value === 'boolean') return value
    if (value === 'true' || value === 'True' || value === 'TRUE') return true
    if (value === 'false' || value === 'False' || value === 'FALSE') return false
    throw wrongType(names, 'a boolean')
  }

  /** One of `choices`, which are upper-case; any case is accepted. */
  choice<T extends string>(choices: readonly T[], ...names: readonly string[]): T | undefined {
    const value = this.string(...names)?.toUpperCase()
    if (value === undefined) return undefined
    const found = choices.find((choice) => choice === value)
    if (found) return found
    throw wrongType(names, `one of ${choices.join(', ')}`)
  }

  object(...names: readonly string[]): Fields | undefined {
    const value = this.find(names)
    return value === undefined ? undefined : Fields.of(value, `field ${names[0] ?? ''}`)
  }

  list(...names: readonly string[]): unknown[] | undefined {
    const value = this.find(names)
    if (value === undefined || Array.isArray(value)) return value
    throw wrongType(names, 'a list')
  }

  objects(...names: readonly string[]): Fields[] | undefined {
    return this.list(...names)?.map((item) => Fields.of(item, `items of ${names[0] ?? ''}`))
  }

  private find(names: readonly string[]): unknown {
    for (const name of names) {
      const value = this.values[name]
      if (value !== undefined && value !== null) return value
    }
    return undefined
  }
}

/** 8-4-4-4-12 hex digits, lower case; real ones have odd version and variant digits (recorded). */
export function readUuid(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase()
  throw unreadable(`"${text}" is not a UUID`)
}

/** The same value with every key in snake_case: v0.8 and v1 bodies speak camelCase. */
export function toSnake(value: unknown): unknown {
  return mapKeys(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
}

/** The same value with every key in camelCase, and without the keys (in snake_case) that `unknown` names. */
export function toCamel(value: unknown, unknown?: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => toCamel(item, unknown))
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([key]) => !unknown?.has(key))
  return Object.fromEntries(kept.map(([key, item]) => [camelCase(key), toCamel(item, unknown)]))
}

export function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function mapKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), mapKeys(item, rename)]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrongType(names: readonly string[], wanted: string): WireError {
  return unreadable(`Field ${names[0] ?? ''} must be ${wanted}`)
}

function unreadable(message: string): WireError {
  return new WireError(400, message, errorCodes.badRequest)
}
