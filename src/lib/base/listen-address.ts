import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { AcsError } from './errors.js'

export interface ListenAddress {
  host: string
  port: number
}

/** `127.0.0.1:9440`, `[::1]:0`, `:9440`, `9440` or a host alone. Throws EACSADDRESS (usage). */
export function parseListenAddress(text: string, fallback: ListenAddress): ListenAddress {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  if (bracketed) return checked(text, bracketed[1] ?? '', bracketed[2], fallback)
  if (isIP(text) === 6) return checked(text, text, undefined, fallback)
  if (/^\d+$/.test(text)) return checked(text, fallback.host, text, fallback)
  const plain = /^([^:]*)(?::(\d+))?$/.exec(text)
  if (!plain) throw bad(text)
  return checked(text, plain[1] || fallback.host, plain[2], fallback)
}

/** Where a wildcard address can be reached: by loopback, or by the first address of the machine that others see. */
export function reachableHost(host: string, from: 'here' | 'network'): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const family = host === '::' ? 'IPv6' : 'IPv4'
  const addresses = from === 'here' ? [] : Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const found = addresses.find((one) => !one.internal && one.family === family && !one.address.startsWith('fe80:'))
  return found?.address ?? (family === 'IPv6' ? '::1' : '127.0.0.1')
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function checked(text: string, host: string, port: string | undefined, fallback: ListenAddress): ListenAddress {
  const number = port === undefined ? fallback.port : Number(port)
  if (number > 65535 || !/^[\w.:%-]+$/.test(host)) throw bad(text)
  return { host, port: number }
}

function bad(text: string): AcsError {
  return new AcsError('usage', 'EACSADDRESS', `"${text}" is not an address to listen on`, {
    hints: ['Addresses look like 127.0.0.1:9440 or [::1]:9440; port 0 picks a free one'],
  })
}
