/** Statuses with which Prism asks to come back: the request was not carried out (Nutanix's Curie retries 502 and 503). */
const comeBackStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Network errors that a moment may cure. */
const passingCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

const maxRetries = 4
const maxDelayMs = 5_000

export function asksToComeBack(status: number): boolean {
  return comeBackStatuses.has(status)
}

export function mayPass(code: string): boolean {
  return passingCodes.has(code)
}

/** How often to repeat after this failure. A refused port rarely opens within seconds: ask only twice more. */
export function retriesFor(failure: { code?: string }): number {
  return failure.code === 'ECONNREFUSED' || failure.code === 'EAI_AGAIN' ? 2 : maxRetries
}

/** Full jitter: anywhere between nothing and the doubled step, so that many clients spread out. */
export function backoffMs(retry: number, baseMs: number, random: () => number = Math.random): number {
  return random() * Math.min(maxDelayMs, baseMs * 2 ** retry)
}

/** Milliseconds of a `Retry-After` header, in seconds or as a date (RFC 9110 10.2.3). */
export function parseRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}
