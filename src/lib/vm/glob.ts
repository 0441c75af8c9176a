/** Whether a name has something that stands for other letters: `*`, `?`, `[0-9]`, `[!ab]`. */
export function isGlob(pattern: string): boolean {
  return tokensOf(pattern).some((token) => token.kind !== 'letter')
}

/**
 * Whether the shell's pattern fits the whole text: `*` any text, `?` any letter, `[a-z0]` one of these, `[!a-z]` none of them.
 * Remembers only the last `*`, so that no pattern takes more than length times length steps.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const tokens = tokensOf(pattern)
  const letters = Array.from(text)
  let at = 0
  let token = 0
  let star: { token: number; at: number } | undefined
  while (at < letters.length) {
    const now = tokens[token]
    if (now?.kind === 'text') {
      star = { token, at }
      token += 1
    } else if (now && fits(now, letters[at] ?? '')) {
      token += 1
      at += 1
    } else if (star) {
      // What the last `*` stands for is one letter longer.
      star = { token: star.token, at: star.at + 1 }
      token = star.token + 1
      at = star.at
    } else return false
  }
  return tokens.slice(token).every(({ kind }) => kind === 'text')
}

type Token =
  | { kind: 'text' | 'any' }
  | { kind: 'letter'; letter: string }
  | { kind: 'class'; not: boolean; ranges: [string, string][] }

function tokensOf(pattern: string): Token[] {
  // A bracket that is not closed stands for itself, as in a shell.
  return [...pattern.matchAll(/\[(!?)([^\]]+)\]|[^]/gu)].map(([whole, not, inside]): Token => {
    if (inside !== undefined) return { kind: 'class', not: not === '!', ranges: rangesOf(inside) }
    if (whole === '*') return { kind: 'text' }
    return whole === '?' ? { kind: 'any' } : { kind: 'letter', letter: whole }
  })
}

function rangesOf(inside: string): [string, string][] {
  return [...inside.matchAll(/([^])-([^])|([^])/gu)].map(([, from, to, one = '']) => [from ?? one, to ?? one])
}

function fits(token: Token, letter: string): boolean {
  if (token.kind === 'letter') return token.letter === letter
  if (token.kind !== 'class') return true
  const code = (character: string): number => character.codePointAt(0) ?? 0
  return token.not !== token.ranges.some(([from, to]) => code(from) <= code(letter) && code(letter) <= code(to))
}
