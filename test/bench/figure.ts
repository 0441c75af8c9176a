/** One measured figure and the bound it must keep. */
export interface Figure {
  name: string
  value: number
  unit: string
  bound: { least: number } | { most: number }
  note: string
}

export function isKept({ value, bound }: Figure): boolean {
  return 'least' in bound ? value >= bound.least : value <= bound.most
}

/** A row of a Markdown table. */
export function row(figure: Figure): string {
  const { name, value, unit, bound, note } = figure
  const limit = 'least' in bound ? `at least ${bound.least}` : `at most ${bound.most}`
  const shown = value.toFixed(value < 10 ? 2 : 0)
  return `| ${name} | ${shown} ${unit} | ${limit} ${unit} | ${isKept(figure) ? 'kept' : 'MISSED'} | ${note} |`
}
