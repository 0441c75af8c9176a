import { AcsError } from '../../base/errors.js'

/** `host:port`, IPv6 in brackets; the port defaults to 3260 (RFC 7143 13.10). Throws EACSPORTALADDRESS. */
export function parsePortal(portal: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s/,]+))(?::(\d{1,5}))?$/.exec(portal)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? 3260 : Number(match[3])
  if (host === undefined || port < 1 || port > 65_535)
    throw new AcsError('usage', 'EACSPORTALADDRESS', `"${portal}" is not the address of an iSCSI portal`, {
      hints: ['It looks like 10.0.0.5:3260 or [2001:db8::5]:3260'],
    })
  return { host, port }
}
