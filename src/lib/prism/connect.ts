import { parseEndpoint, parseFingerprint } from './endpoint.js'
import { PrismHttp, type PrismCallEvent } from './http.js'
import type { Prism } from './prism.js'
import { createV2Client, v2BasePath } from './v2/client.js'

export interface ConnectOptions {
  /** As people write it: `prism.example.com`, `10.1.1.5:9440`, `[fd00::5]`. */
  endpoint: string
  username: string
  /** Asked once per login, and only then. */
  password: () => Promise<string>
  /** PEM text of the CA that vouches for Prism; default: the system's CAs. */
  ca?: string
  /** SHA-256 fingerprint of Prism's certificate. When given, it alone decides. */
  fingerprint?: string
  userAgent: string
  /** Called after each try, with no secret in it. */
  log?: (event: PrismCallEvent) => void
  /** First step of the back-off between tries, ms; default 200. */
  retryBaseMs?: number
}

/**
 * A client of the cluster at `endpoint`. Connects and logs in with the first call, not before.
 * Throws EACSENDPOINT and EACSFINGERPRINT (usage).
 */
export function connectPrism(options: ConnectOptions): Prism {
  const { fingerprint } = options
  const http = new PrismHttp({
    ...options,
    endpoint: parseEndpoint(options.endpoint),
    fingerprint: fingerprint === undefined ? undefined : parseFingerprint(fingerprint),
    basePath: v2BasePath,
  })
  return createV2Client(http)
}

export type { PrismCallEvent }
