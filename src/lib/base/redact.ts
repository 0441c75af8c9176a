import { isRecord } from './record.js'

/** User data of a new machine, cloud-init's, is where its passwords and keys are. */
const secretKey = /passw|secret|token|cookie|authorization|credential|private_?key|user_?data/i

/** A shorter one would take half of every text with it. */
const shortest = 5
/** A plugin runs for months, and each login brings another cookie: the one not mentioned for longest goes. */
const mostKnown = 256
const deepest = 12

/** Secrets this process holds, each with the spellings in which it may turn up; in the order of their last mention. */
const known = new Map<string, readonly string[]>()
/** Longest first: a secret may be the beginning of another. */
let spellings: readonly string[] = []

/**
 * From now on this secret comes out of no `redactText`, `redactKnown` or `redactFields`, wherever it stands, be it escaped for
 * JSON or a URL or in base64. Whoever reads or makes a secret calls this first, as errors of libraries and tools may quote it. Returns it.
 */
export function hideSecret(secret: string): string {
  if (secret.length < shortest) return secret
  const isNew = !known.delete(secret)
  known.set(secret, spellingsOf(secret))
  if (isNew) noteSpellings()
  return secret
}

function noteSpellings(): void {
  const [oldest] = known.keys()
  if (known.size > mostKnown && oldest !== undefined) known.delete(oldest)
  spellings = [...new Set([...known.values()].flat())].sort((a, b) => b.length - a.length)
}

function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8')
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    // Without padding, which may be cut off or escaped.
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ]
}

/** The text without the secrets that were told to `hideSecret`, and otherwise as it is: for people and scripts. */
export function redactKnown(text: string): string {
  let shown = text
  for (const spelling of spellings) shown = shown.replaceAll(spelling, '***')
  return shown
}

/**
 * For logs, a last net under the rooms' own care: known secrets, and values of secret-looking headers, settings, JSON fields,
 * query parameters and URL users. Takes some innocent values along.
 */
export function redactText(line: string): string {
  // Each begins where a word begins: tried at every letter of a long word, they would take quadratic time.
  return (
    redactKnown(line)
      .replace(/\b(authorization|(?:set-)?cookie|x-auth-token)(["']?\s*[:=]\s*["']?)[^\r\n"']+/gi, '$1$2***')
      .replace(
        // `password_in` is open-iscsi's.
        /(?<![\w-])([\w-]*(?:password|passwd|secret|token|user_?data)(?:_in)?["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,&;}]+)/gi,
        '$1***',
      )
      // Of users of iSCSI, `user%password@`.
      .replace(/(?<!\w)(\w+:\/\/)[^/\s@]+@/g, '$1***@')
  )
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
