import { isIPv4, isIPv6 } from 'node:net'
import { AcsError } from '../base/errors.js'

/** Where Prism listens. */
export interface Endpoint {
  /** Name or address, IPv6 without brackets, lower case. */
  host: string
  port: number
  /** `https://host:port`, IPv6 in brackets: the canonical form, equal for equal endpoints. */
  origin: string
  /** `host:port`, IPv6 in brackets. */
  authority: string
}

export const defaultPrismPort = 9440

/**
 * Reads an endpoint as people write it: `prism.example.com`, `10.1.1.5:9440`, `https://[fd00::5]:9440/`,
 * `fd00::5`. The port defaults to 9440, also after `https://`. Throws EACSENDPOINT (usage).
 */
export function parseEndpoint(text: string): Endpoint {
  const trimmed = text.trim()
  if (trimmed === '') throw badEndpoint(text, 'it is empty')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(trimmed)
  if (scheme && scheme[1]?.toLowerCase() !== 'https') throw badEndpoint(text, 'Prism speaks https only')
  const rest = (scheme ? trimmed.slice(scheme[0].length) : trimmed).replace(/\/$/, '')
  if (rest.includes('@')) throw badEndpoint(text, 'it holds a user or a password; give the user with --username')
  // The Prism page people copy from their browser ends in /console/...
  const authority = rest.replace(/\/console(\/.*)?$/, '')
  if (/[/?#\s]/.test(authority)) throw badEndpoint(text, 'only a host and a port belong here')
  const { host, port } = splitAuthority(authority, text)
  return { host, port, ...canonical(host, port) }
}

/** Whether two spellings mean the same Prism. */
export function isSameEndpoint(one: string, other: string): boolean {
  return parseEndpoint(one).origin === parseEndpoint(other).origin
}

/** `AA:BB:...` of a SHA-256 fingerprint in any common spelling. Throws EACSFINGERPRINT (usage). */
export function parseFingerprint(text: string): string {
  const hex = text
    .trim()
    .replace(/^sha-?256(\s+fingerprint)?\s*[:=]?\s*/i, '')
    .replace(/[\s:]/g, '')
    .toUpperCase()
  if (!/^[0-9A-F]{64}$/.test(hex))
    throw new AcsError('usage', 'EACSFINGERPRINT', `"${text}" is not the SHA-256 fingerprint of a certificate`, {
      hints: ['It is 64 hexadecimal digits, with or without colons, as `openssl x509 -fingerprint -sha256` prints it'],
    })
  return hex.replace(/(..)(?=.)/g, '$1:')
}

function splitAuthority(authority: string, text: string): { host: string; port: number } {
  if (isIPv6Address(authority)) return { host: authority.toLowerCase(), port: defaultPrismPort }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(authority)
  if (!match) throw badEndpoint(text, 'it is not HOST or HOST:PORT')
  const port = match[3] === undefined ? defaultPrismPort : Number(match[3])
  if (port < 1 || port > 65535) throw badEndpoint(text, `${port} is no port`)
  const host = (match[1] ?? match[2] ?? '').toLowerCase()
  if (match[1] !== undefined && !isIPv6Address(host)) throw badEndpoint(text, `${host} is no IPv6 address`)
  if (match[2] !== undefined && !isHostName(host)) throw badEndpoint(text, `${host} is no host name`)
  return { host: canonicalHost(host), port }
}

function isHostName(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIPv4(host)
  return host.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/.test(host)
}

/** An address has two colons at least; all else is told without Node's pattern, which takes 3 ms to compile. */
function isIPv6Address(text: string): boolean {
  return /:.*:/.test(text) && isIPv6(text)
}

function canonicalHost(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host
}

function canonical(host: string, port: number): { origin: string; authority: string } {
  // URL shortens IPv6 addresses, so that fd00:0::5 and fd00::5 are the same endpoint. It drops zones: keep those.
  const shown = isIPv6Address(host) ? (host.includes('%') ? `[${host}]` : new URL(`https://[${host}]`).hostname) : host
  return { origin: `https://${shown}:${port}`, authority: `${shown}:${port}` }
}

function badEndpoint(text: string, why: string): AcsError {
  // A pasted URL may hold a password: show only what follows the last @.
  return new AcsError('usage', 'EACSENDPOINT', `"${text.replace(/^.*@/s, '')}" is not a Prism endpoint: ${why}`, {
    hints: ['Endpoints look like prism.example.com, 10.1.1.5:9440 or [fd00::5]:9440'],
  })
}
