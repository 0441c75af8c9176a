/** One measured figure and the bound it must keep, where it must. */
export interface Figure {
  name: string
  value: number
  unit: string
  bound?: { least: number } | { most: number }
  note: string
}

export function isKept({ value, bound }: Figure): boolean {
  if (!bound) return true
  return 'least' in bound ? value >= bound.least : value <= bound.most
}

/** A row of a Markdown table. */
export function row(figure: Figure): string {
  const { name, value, unit, bound, note } = figure
  const shown = `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`
  if (!bound) return `| ${name} | ${shown} | | | ${note} |`
  const limit = 'least' in bound ? `at least ${bound.least}` : `at most ${bound.most}`
  return `| ${name} | ${shown} | ${limit} ${unit} | ${isKept(figure) ? 'kept' : 'MISSED'} | ${note} |`
}
