import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { ClientRecord, ClientRequest } from './store/records.js'
import type { Store } from './store/store.js'

/** The initiators a cluster has met. Recorded: one object for one address, whatever the groups it may use. */
export class IscsiClients {
  constructor(private readonly store: Store) {}

  list(): ClientRecord[] {
    return [...this.store.clients.values()]
  }

  byAddress(address: string): ClientRecord | undefined {
    const wanted = normalAddress(address)
    return this.list().find((client) => client.address === wanted)
  }

  /** The client of that address, made or changed as the request says; not stored yet. */
  resolve(request: ClientRequest): { client: ClientRecord; changed: boolean } {
    const known = this.byAddress(request.address)
    if (!known)
      return { client: { uuid: randomUUID(), ...request, address: normalAddress(request.address) }, changed: true }
    if (!request.authentication) return { client: known, changed: false }
    return { client: { ...known, authentication: request.authentication }, changed: true }
  }
}

/** IQNs compare without regard to case (RFC 3722), addresses too. */
export function normalAddress(address: string): string {
  return address.trim().toLowerCase()
}

/** An iqn., eui. or naa. name (RFC 7143 4.2.7), or an IP address. */
export function isInitiatorAddress(address: string): boolean {
  const normal = normalAddress(address)
  return (
    isIP(normal) !== 0 ||
    /^(iqn\.\d{4}-\d{2}\.[a-z0-9.-]+(:\S{1,200})?|eui\.[0-9a-f]{16}|naa\.[0-9a-f]{16,32})$/.test(normal)
  )
}
