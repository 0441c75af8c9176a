import { isRecord } from './record.js'

const secretKey = /passw|secret|token|cookie|authorization|credential|private_?key/i

/** Secrets this process holds, in every spelling in which they may turn up. */
const known = new Set<string>()
/** A shorter one would take half of every text with it. */
const shortest = 5
const deepest = 12

/** From now on this secret comes out of no `redactText` and no `redactFields`, wherever it stands. */
export function hideSecret(secret: string): void {
  if (secret.length < shortest) return
  for (const spelling of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) known.add(spelling)
}

/** A last net under the rooms' own care: values of secret-looking headers, JSON fields, query parameters and URL users. */
export function redactText(line: string): string {
  let text = line
  for (const secret of known) text = text.replaceAll(secret, '***')
  // Each begins where a word begins: tried at every letter of a long word, they would take quadratic time.
  return text
    .replace(/\b(authorization|(?:set-)?cookie|x-auth-token)(["']?\s*[:=]\s*["']?)[^\r\n"']+/gi, '$1$2***')
    .replace(
      /(?<![\w-])([\w-]*(?:password|passwd|secret|token)"?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,&;}]+)/gi,
      '$1***',
    )
    .replace(/(?<!\w)(\w+:\/\/)[^/\s@]+@/g, '$1***@')
}

/**
 * A copy for logs, in which every value of a secret-looking key is `[redacted]` and every text went through
 * `redactText`. Prism's CHAP secrets are named `password`.
 */
export function redactFields(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (depth > deepest) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => redactFields(item, depth + 1))
  if (!isRecord(value) || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      secretKey.test(key) && inner !== null && inner !== undefined
        ? [key, '[redacted]']
        : [key, redactFields(inner, depth + 1)],
    ),
  )
}
