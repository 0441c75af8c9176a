/**
 * Keeps stdout for the one document of a machine-readable run: until `release`, everything else that writes there
 * (a stray console.log in a library) goes to stderr instead.
 */
export interface StdoutGuard {
  write(text: string): void
  release(): void
}

export function guardStdout(): StdoutGuard {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- kept as it is, to be put back as it was
  const original = process.stdout.write
  process.stdout.write = process.stderr.write.bind(process.stderr)
  return {
    write: (text) => void original.call(process.stdout, text),
    release: () => {
      process.stdout.write = original
    },
  }
}
