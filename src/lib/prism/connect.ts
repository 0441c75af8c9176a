import { parseEndpoint, parseFingerprint } from './endpoint.js'
import { PrismHttp, type HttpOptions, type PrismCallEvent } from './http.js'
import type { Prism } from './prism.js'
import { createV2Client, v2BasePath } from './v2/client.js'

export interface ConnectOptions extends Omit<HttpOptions, 'endpoint' | 'basePath'> {
  /** As people write it: `prism.example.com`, `10.1.1.5:9440`, `[fd00::5]`. */
  endpoint: string
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
