import { AcsError } from '../../base/errors.js'
import { findColumn, textOf } from './columns.js'
import type { Column, Columns, JsonValue } from './columns.js'

const operators = ['!=', '>=', '<=', '!~', '=', '~', '>', '<'] as const
type Operator = (typeof operators)[number]

interface Condition<Row> {
  column: Column<Row>
  operator: Operator
  operand: string
}

/**
 * Rows that satisfy every condition: `key=glob`, `key!=glob`, `key~text` (contains), `key!~text`, `key>10G`, `<`, `>=`, `<=`.
 * Case does not count; a list matches when one of its items does. Throws EACSFILTER or EACSCOLUMN (usage).
 */
export function filterRows<Row>(columns: Columns<Row>, rows: readonly Row[], conditions: readonly string[]): Row[] {
  const parsed = conditions.map((text) => parseCondition(columns, text))
  return rows.filter((row) => parsed.every((condition) => satisfies(condition, condition.column.value(row))))
}

function parseCondition<Row>(columns: Columns<Row>, text: string): Condition<Row> {
  const match = /^\s*([A-Za-z][\w.-]*)\s*(!=|>=|<=|!~|=|~|>|<)(.*)$/s.exec(text)
  const operator = operators.find((candidate) => candidate === match?.[2])
  if (!match || !operator)
    throw new AcsError('usage', 'EACSFILTER', `"${text}" is not a condition`, {
      hints: ['Conditions look like name=web-*, name~web, container!=default or size>10G', 'acs help formatting'],
    })
  const column = findColumn(columns, match[1] ?? '', '--filter')
  const operand = (match[3] ?? '').trim()
  if (isOrdering(operator) && column.numeric) numberOf(column, operand)
  return { column, operator, operand }
}

function satisfies<Row>({ column, operator, operand }: Condition<Row>, value: JsonValue): boolean {
  if (operator === '!=') return !satisfies({ column, operator: '=', operand }, value)
  if (operator === '!~') return !satisfies({ column, operator: '~', operand }, value)
  if (Array.isArray(value) && value.length > 0)
    return value.some((item) => satisfies({ column, operator, operand }, item))
  if (isOrdering(operator)) return ordered(operator, compareTo(column, value, operand))
  const text = textOf(value).toLowerCase()
  if (operator === '~') return text.includes(operand.toLowerCase())
  // "-" is how the table shows what is unknown.
  if (operand === '' || operand === '-') return value === null || text === operand
  if (column.numeric && typeof value === 'number' && !operand.includes('*')) return value === numberOf(column, operand)
  return globPattern(operand).test(text)
}

function isOrdering(operator: Operator): operator is '>' | '<' | '>=' | '<=' {
  return operator === '>' || operator === '<' || operator === '>=' || operator === '<='
}

function ordered(operator: '>' | '<' | '>=' | '<=', comparison: number): boolean {
  switch (operator) {
    case '>':
      return comparison > 0
    case '<':
      return comparison < 0
    case '>=':
      return comparison >= 0
    case '<=':
      return comparison <= 0
  }
}

/** Unknown values compare with nothing: NaN makes every ordering false. */
function compareTo<Row>(column: Column<Row>, value: JsonValue, operand: string): number {
  if (value === null) return Number.NaN
  if (column.numeric) return typeof value === 'number' ? value - numberOf(column, operand) : Number.NaN
  const text = textOf(value)
  return text < operand ? -1 : text > operand ? 1 : 0
}

function numberOf<Row>(column: Column<Row>, text: string): number {
  const number = column.parse ? column.parse(text) : text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(number))
    throw new AcsError('usage', 'EACSFILTER', `--filter compares ${column.key} with "${text}", which is no number`)
  return number
}

/** `*` is any text and `?` any one character, over the whole value, whatever its case. */
function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 'is')
}
