/** Cells of a table, and how each column may give way. */
export interface LaidColumn {
  header: string
  cells: readonly string[]
  right?: boolean
  width?: number
  shrinksTo?: number
  leaves?: number
}

export interface Layout {
  header: string
  rows: string[]
}

const gap = '  '

/**
 * Lays a table out in so many columns of a terminal: first what may shrink does, then columns leave, the last resort first.
 * @param widthOf columns a text takes: wide characters take two.
 */
export function layOut(columns: readonly LaidColumn[], width: number, widthOf: (text: string) => number): Layout {
  let chosen = columns.map((column) => ({ column, width: naturalWidth(column, widthOf) }))
  while (total(chosen) > width) {
    if (shrink(chosen, total(chosen) - width)) continue
    const next = Math.max(...chosen.map(({ column }) => column.leaves ?? 0))
    if (next === 0) break
    // What was cut may be whole again with the room that is left.
    chosen = chosen
      .filter(({ column }) => column.leaves !== next)
      .map(({ column }) => ({ column, width: naturalWidth(column, widthOf) }))
  }
  const line = (texts: readonly string[]): string =>
    cut(
      chosen
        .map((each, index) =>
          pad(cut(texts[index] ?? '', each.width, widthOf), each.width, each.column.right === true, widthOf),
        )
        .join(gap)
        .trimEnd(),
      width,
      widthOf,
    )
  const rows = columns[0]?.cells ?? []
  return {
    header: line(chosen.map(({ column }) => column.header)),
    rows: rows.map((_cell, row) => line(chosen.map(({ column }) => column.cells[row] ?? ''))),
  }
}

/** The text in so many columns, with an ellipsis where it was longer. */
export function cut(text: string, width: number, widthOf: (text: string) => number): string {
  if (!Number.isFinite(width) || widthOf(text) <= width) return text
  let kept = ''
  for (const character of text) {
    if (widthOf(kept + character) > width - 1) break
    kept += character
  }
  return width > 0 ? `${kept}…` : ''
}

interface Chosen {
  column: LaidColumn
  width: number
}

function naturalWidth({ header, cells, width = 0 }: LaidColumn, widthOf: (text: string) => number): number {
  return Math.max(width, widthOf(header), ...cells.map(widthOf))
}

function total(chosen: readonly Chosen[]): number {
  return chosen.reduce((sum, { width }) => sum + width, 0) + gap.length * Math.max(0, chosen.length - 1)
}

/** Takes `excess` from the widest that may shrink, one column of the terminal at a time; false when they cannot give it. */
function shrink(chosen: Chosen[], excess: number): boolean {
  const room = (each: Chosen): number => each.width - (each.column.shrinksTo ?? each.width)
  if (chosen.reduce((sum, each) => sum + Math.max(0, room(each)), 0) < excess) return false
  for (let left = excess; left > 0; left -= 1) {
    const [widest] = chosen.filter((each) => room(each) > 0).sort((a, b) => b.width - a.width)
    if (widest) widest.width -= 1
  }
  return true
}

function pad(text: string, width: number, right: boolean, widthOf: (text: string) => number): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? blanks + text : text + blanks
}
