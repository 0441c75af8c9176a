import { isRecord } from './answer.js'

const secretKey = /passw|secret|token|cookie|authorization|credential|private_key/i

/** A copy for logs, in which every secret's value is `[redacted]`. Prism's CHAP secrets are named `password`. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      secretKey.test(key) && inner !== null && inner !== undefined ? [key, '[redacted]'] : [key, redact(inner)],
    ),
  )
}
