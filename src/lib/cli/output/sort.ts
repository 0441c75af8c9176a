import { AcsError } from '../../base/errors.js'
import { findColumn, textOf } from './columns.js'
import type { Column, Columns, JsonValue } from './columns.js'

/** Rows in the order of `KEY[:asc|:desc],...`; stable, unknown values last. Throws EACSSORT or EACSCOLUMN (usage). */
export function sortRows<Row>(columns: Columns<Row>, rows: readonly Row[], order: string): Row[] {
  const keys = order.split(',').map((part) => {
    const [key = '', direction = 'asc'] = part.trim().split(':')
    if (direction !== 'asc' && direction !== 'desc')
      throw new AcsError('usage', 'EACSSORT', `--sort cannot order ${key} "${direction}"`, {
        hints: [`--sort ${key}:asc or --sort ${key}:desc`],
      })
    return { column: findColumn(columns, key, '--sort'), sign: direction === 'desc' ? -1 : 1 }
  })
  return [...rows].sort((a, b) => {
    for (const { column, sign } of keys) {
      const comparison = compare(column, column.value(a), column.value(b), sign)
      if (comparison !== 0) return comparison
    }
    return 0
  })
}

function compare<Row>(column: Column<Row>, a: JsonValue, b: JsonValue, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  if (column.numeric && typeof a === 'number' && typeof b === 'number') return (a - b) * sign
  return compareText(textOf(a), textOf(b)) * sign
}

/** `disk2` before `disk10`, capitals beside small letters; no ICU collator, whose first use costs 10 ms and more. */
export function compareText(a: string, b: string): number {
  const left = a.toLowerCase().match(/\d+|\D+/g) ?? []
  const right = b.toLowerCase().match(/\d+|\D+/g) ?? []
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [l = '', r = ''] = [left[index], right[index]]
    const numbers = /^\d/.test(l) && /^\d/.test(r) ? Number(l) - Number(r) : 0
    if (numbers !== 0) return numbers
    if (l !== r && !(/^\d/.test(l) && /^\d/.test(r))) return l < r ? -1 : 1
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0)
}
