/** The candidates closest to what was typed, best first; none when nothing is close. */
export function closest(typed: string, candidates: Iterable<string>, limit = 3): string[] {
  const word = typed.toLowerCase()
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distanceTo(word, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= allowed(word, candidate))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

function distanceTo(word: string, candidate: string): number {
  // `vol` for `volume` is a beginning, not four mistakes.
  if (word.length >= 2 && candidate.startsWith(word)) return 1
  // Of thousands of candidates most need no closer look: each letter more or less is one mistake.
  const difference = Math.abs(word.length - candidate.length)
  return difference > allowed(word, candidate) ? difference : editDistance(word, candidate)
}

function allowed(word: string, candidate: string): number {
  return Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3))
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= a.length; row += 1) {
    rows[row] = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let best = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + cost)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        best = Math.min(best, at(row - 2, column - 2) + 1)
      rows[row]?.push(best)
    }
  }
  return at(a.length, b.length)
}
