import { style } from '../terminal.js'
import { cellText } from './columns.js'
import type { Columns } from './columns.js'

/** Lines between columns would only disturb `awk` and the eye. */
const noBorders = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '',
  bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ',
} // prettier-ignore

/** A table of rows with headers in capitals, ending in a newline. Loads cli-table3 on first use. */
export async function listTable<Row>(columns: Columns<Row>, rows: readonly Row[]): Promise<string> {
  const table = await borderless({
    head: columns.map((column) => style('bold', column.header.toUpperCase(), process.stdout)),
    colAligns: columns.map((column) => (column.numeric ? 'right' : 'left')),
  })
  for (const row of rows) table.push(columns.map((column) => cellText(column, row)))
  return trimmed(table.toString())
}

/** One object, a line for each column: `Name  web`. */
export async function detailTable<Row>(columns: Columns<Row>, row: Row): Promise<string> {
  const table = await borderless({})
  for (const column of columns) table.push([style('bold', column.header, process.stdout), cellText(column, row)])
  return trimmed(table.toString())
}

async function borderless(options: { head?: string[]; colAligns?: ('left' | 'right')[] }) {
  const { default: CliTable } = await import('cli-table3')
  return new CliTable({
    ...options,
    chars: noBorders,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
  })
}

function trimmed(text: string): string {
  return `${text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`
}
