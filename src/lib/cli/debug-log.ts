/** Writes one line of what acs does and sees to the debug log. */
export type DebugLog = (line: string) => void

const startedAt = performance.now()

/** `--debug`: lines on stderr with the time since start, secrets taken out. Nothing otherwise. */
export function createDebugLog(enabled: boolean): DebugLog {
  if (!enabled) return () => undefined
  return (line) => {
    process.stderr.write(`+${Math.round(performance.now() - startedAt)}ms ${redact(line)}\n`)
  }
}

/** A last net under the rooms' own care: values of secret-looking headers, JSON fields, query parameters and URL users. */
export function redact(line: string): string {
  return line
    .replace(/\b(authorization|(?:set-)?cookie|x-auth-token)(["']?\s*[:=]\s*["']?)[^\r\n"']+/gi, '$1$2***')
    .replace(/("?[\w-]*(?:password|passwd|secret|token)"?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,&;}]+)/gi, '$1***')
    .replace(/(\w+:\/\/)[^/\s@]+@/g, '$1***@')
}
