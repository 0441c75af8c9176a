import { redactText } from '../base/redact.js'

/** Writes one line of what acs does and sees to the debug log. */
export type DebugLog = (line: string) => void

const startedAt = performance.now()

/** `--debug`: lines on stderr with the time since start, secrets taken out. Nothing otherwise. */
export function createDebugLog(enabled: boolean): DebugLog {
  if (!enabled) return () => undefined
  return (line) => {
    process.stderr.write(`+${Math.round(performance.now() - startedAt)}ms ${redactText(line)}\n`)
  }
}
