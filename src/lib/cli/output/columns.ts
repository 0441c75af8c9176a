import { AcsError } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import { closest } from '../../base/did-you-mean.js'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** What `--json` prints of one row: column key to value. */
export type JsonRecord = Record<string, JsonValue>

/** One column of a resource: drives table, json, yaml, name, --columns, --sort and --filter alike. */
export interface Column<Row> {
  /** JSON key and the name in --columns, --sort and --filter; camelCase, stable. */
  key: string
  /** Title in the table. */
  header: string
  /** Raw value: bytes, ISO time, null for unknown. */
  value: (row: Row) => JsonValue
  /** Words for the table; default: the value itself, `-` for null, lists joined by commas. */
  format?: (value: JsonValue, row: Row) => string
  /** `false`: only with --columns (JSON always has it). */
  default?: boolean
  /** Right-aligned, ordered and compared as a number. */
  numeric?: boolean
  /** Reads a number in --filter, e.g. `parseSize`; default `Number`. */
  parse?: (text: string) => number
}

export type Columns<Row> = readonly Column<Row>[]

/** Columns for the table: those asked for with --columns, or the default ones. Throws EACSCOLUMN (usage). */
export function selectColumns<Row>(columns: Columns<Row>, wanted: string | undefined): Columns<Row> {
  if (wanted === undefined) return columns.filter((column) => column.default !== false)
  if (wanted === 'all') return columns
  return wanted.split(',').map((key) => findColumn(columns, key.trim(), '--columns'))
}

/** The column of a key, case-insensitive. Throws EACSCOLUMN (usage) with the nearest keys. */
export function findColumn<Row>(columns: Columns<Row>, key: string, flag: string): Column<Row> {
  const found = columns.find((column) => column.key.toLowerCase() === key.toLowerCase())
  if (found) return found
  const keys = columns.map((column) => column.key)
  const near = closest(key, keys)
  throw new AcsError('usage', 'EACSCOLUMN', `${flag} names no column "${key}"`, {
    hints: [...(near.length > 0 ? [`Did you mean ${near.join(' or ')}?`] : []), `Columns: ${keys.join(', ')}`],
  })
}

/** Text of one cell in the table, on one line, with nothing in it that a terminal would obey. */
export function cellText<Row>(column: Column<Row>, row: Row): string {
  const value = column.value(row)
  const text = column.format && value !== null ? column.format(value, row) : textOf(value)
  return printable(text.replace(/\s*\n\s*/g, ' '))
}

/** A value in words: `-` for nothing, `yes`/`no`, lists joined by commas. */
export function textOf(value: JsonValue): string {
  if (value === null || value === '') return '-'
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(textOf).join(', ')
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

/** What `-o name` prints of a row: the column `name`, or else the first. */
export function nameOf<Row>(columns: Columns<Row>, row: Row): string {
  const column = columns.find((candidate) => candidate.key === 'name') ?? columns[0]
  return column ? textOf(column.value(row)) : ''
}

/** The JSON of a row, in the order of the columns. */
export function recordOf<Row>(columns: Columns<Row>, row: Row): JsonRecord {
  return Object.fromEntries(columns.map((column) => [column.key, column.value(row)]))
}
