/** What the terminal of this process can do. Each stream is judged by itself: stdout may be a pipe while stderr is a screen. */

/** Colours on a stream: only on a terminal, not with NO_COLOR, TERM=dumb or --no-color; FORCE_COLOR wins over all but --no-color. */
export function colorsOn(
  stream: { isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>> = process.env,
  argv: readonly string[] = process.argv,
): boolean {
  if (argv.includes('--no-color')) return false
  if (environment.FORCE_COLOR && environment.FORCE_COLOR !== '0') return true
  if (environment.NO_COLOR || environment.TERM === 'dumb') return false
  return stream.isTTY === true
}

/** Whether a person can be asked: both the question and the answer need a terminal. */
export function isInteractive(): boolean {
  // In this order: to look at stdin is to open it, which a script's run need not.
  return process.stderr.isTTY && process.stdin.isTTY
}

const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const

/** `text` in a style where `stream` takes colours. */
export function style(name: keyof typeof styles, text: string, stream: { isTTY?: boolean }): string {
  const [on, off] = styles[name]
  return colorsOn(stream) ? `\u001B[${on}m${text}\u001B[${off}m` : text
}
