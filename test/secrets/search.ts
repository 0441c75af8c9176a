import { evidenceOf } from './evidence.js'
import { secretsOf, type Secret } from './secrets.js'

/** A secret that was to be seen: where, in which spelling, and the line without it. */
export interface Leak {
  source: string
  /** Counted from 1. */
  line: number
  what: string
  text: string
}

/** What is a secret whatever its value: session cookies, headers of logins, private keys. */
const shapes: readonly { what: string; pattern: RegExp }[] = [
  { what: "Prism's session cookie", pattern: /JSESSIONID["']?\s*[=:]\s*["']?[0-9A-Za-z]{16,}/g },
  { what: "Prism's session cookie", pattern: /\b[0-9A-F]{32}\b/g },
  { what: 'a login', pattern: /\bBasic\s+[A-Za-z0-9+/]{12,}=*/g },
  { what: 'a private key', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/g },
]

/**
 * Arguments of the tests' own tools, none of which acs starts: tgtadm takes a CHAP secret in no other way, grep looks for one
 * in files, a script of the keyring's session does, and docker is told the old plugin's setting with a password in it.
 */
const allowedSources: readonly RegExp[] = [/^arguments of \d+: (?:tgtadm|grep|bash|dbus-run-session|docker)$/]

/** Searches all evidence of a run. */
export function findLeaks(folder: string): Leak[] {
  const spellings = secretsOf(folder).flatMap(spellingsOf)
  const leaks: Leak[] = []
  for (const { source, text, mode } of evidenceOf(folder)) {
    if (mode !== undefined && (mode & 0o077) !== 0)
      leaks.push({ source, line: 0, what: 'a file of secrets', text: `mode ${mode.toString(8)}` })
    if (allowedSources.some((pattern) => pattern.test(source))) continue
    // Most texts hold none: the lines of one that does not are not looked at.
    if (text !== '' && hits(text, spellings).length > 0)
      text.split('\n').forEach((line, index) => {
        for (const { what, start, end } of hits(line, spellings).slice(0, 1))
          leaks.push({ source, line: index + 1, what, text: excerpt(line, start, end) })
      })
  }
  return leaks
}

interface Hit {
  what: string
  start: number
  end: number
}

function hits(text: string, spellings: readonly Spelling[]): Hit[] {
  const literal = spellings.flatMap(({ what, text: spelling }) => {
    const start = text.indexOf(spelling)
    return start < 0 ? [] : [{ what, start, end: start + spelling.length }]
  })
  const shaped = shapes.flatMap(({ what, pattern }) =>
    [...text.matchAll(pattern)].map((match) => ({ what, start: match.index, end: match.index + match[0].length })),
  )
  return [...literal, ...shaped]
}

interface Spelling {
  what: string
  text: string
}

/** How a secret looks after whatever it has gone through. */
export function spellingsOf({ name, value }: Secret): Spelling[] {
  const escaped = JSON.stringify(value).slice(1, -1)
  const spelled: Record<string, string> = {
    plain: value,
    'escaped for JSON': escaped,
    // As in dockerd's log, which quotes lines of JSON.
    'escaped twice': JSON.stringify(escaped).slice(1, -1),
    'escaped for a URL': encodeURIComponent(value),
    'in hexadecimal digits': Buffer.from(value).toString('hex'),
  }
  // Within something longer, as `user:password`, each of three alignments gives other letters.
  for (const before of [0, 1, 2])
    for (const encoding of ['base64', 'base64url'] as const)
      spelled[`in ${encoding}, ${before} bytes behind`] = innerBase64(value, before, encoding)
  // Stays whole in whatever other way the rest is escaped.
  const word = longestWord(value)
  if (word.length >= shortestWord) spelled['its longest word'] = word
  const different = new Map(Object.entries(spelled).map(([how, text]) => [text, how]))
  return [...different].map(([text, how]) => ({ what: `${name}, ${how}`, text }))
}

/** Shorter ones turn up by chance. */
const shortestWord = 12

function longestWord(value: string): string {
  return value.split(/[^A-Za-z0-9]+/).reduce((longest, word) => (word.length > longest.length ? word : longest), '')
}

/** Those letters that do not depend on what stands before and behind. */
function innerBase64(value: string, before: number, encoding: 'base64' | 'base64url'): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)])
  const whole = bytes.toString(encoding).replace(/=+$/, '')
  const start = Math.ceil((before * 8) / 6)
  return whole.slice(start, Math.floor((bytes.length * 8) / 6))
}

/** A line is told without the secret, so that whoever keeps the test's output keeps none. */
function excerpt(line: string, start: number, end: number): string {
  return `${line.slice(Math.max(0, start - 120), start)}<here>${line.slice(end, end + 60)}`
}
