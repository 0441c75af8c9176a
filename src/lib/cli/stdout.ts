type Write = typeof process.stdout.write

/** The real `process.stdout.write` while it is diverted. */
let diverted: Write | undefined

/**
 * Keeps stdout for the one document of a machine-readable run: until `release`, whatever else writes there
 * (a stray console.log in a library) goes to stderr instead.
 */
export function divertStdout(): { release: () => void } {
  if (diverted) return { release: () => undefined }
  // eslint-disable-next-line @typescript-eslint/unbound-method -- kept as it is, to be put back as it was
  const original = process.stdout.write
  diverted = original
  process.stdout.write = process.stderr.write.bind(process.stderr)
  return {
    release: () => {
      process.stdout.write = original
      diverted = undefined
    },
  }
}

/** Writes data to stdout, diverted or not. */
export function writeStdout(text: string): void {
  if (diverted) diverted.call(process.stdout, text)
  else process.stdout.write(text)
}
