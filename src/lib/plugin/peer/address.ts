import { isIP } from 'node:net'
import { AcsError, messageOf } from '../../base/errors.js'
import { localAddressTowards } from '../../base/local-address.js'

const defaultPeerPort = 7440

export interface HostPort {
  /** Name or address; IPv6 without brackets. */
  host: string
  port: number
}

/** Where a holder's plugin is asked, as the volume's record has it (`a` in volume/trailer.ts). */
export interface PeerAddress extends HostPort {
  /** The first 16 bytes of the SHA-256 of its certificate's DER, base64url. */
  fingerprint: string
}

/** Reads `HOST:PORT#FINGERPRINT`, IPv6 in brackets. Throws EACSPEERADDRESS. */
export function parsePeerAddress(text: string): PeerAddress {
  const at = text.lastIndexOf('#')
  const fingerprint = text.slice(at + 1)
  // 128 bits in 22 characters: the last one has two of them, and of its four spellings one is canonical.
  if (at < 0 || !/^[\w-]{21}[AQgw]$/.test(fingerprint)) throw bad(text, 'it has no fingerprint of a certificate')
  const where = parseHostPort(text.slice(0, at), 0)
  if (where.port === 0) throw bad(text, 'it has no port')
  return { ...where, fingerprint }
}

export function formatPeerAddress({ fingerprint, ...where }: PeerAddress): string {
  return `${formatHostPort(where)}#${fingerprint}`
}

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 address. Throws EACSPEERADDRESS. */
export function parseHostPort(text: string, defaultPort = defaultPeerPort): HostPort {
  if (isIP(text) === 6 && !text.includes('%')) return { host: text, port: defaultPort }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text)
  const [, bracketed, plain, digits] = match ?? []
  const host = bracketed ?? plain ?? ''
  const port = digits === undefined ? defaultPort : Number(digits)
  if (!match || port > 65_535) throw bad(text, 'it is not HOST:PORT')
  // A zone (fe80::1%eth0) means something on one machine only.
  if (bracketed !== undefined && (isIP(host) !== 6 || host.includes('%'))) throw bad(text, `${host} is no IPv6 address`)
  if (bracketed === undefined && !isHostName(host)) throw bad(text, `"${host}" is no host`)
  return { host, port }
}

export function formatHostPort({ host, port }: HostPort): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

export interface AdvertiseRequest {
  /** `peer.advertise` of the configuration: a host, with a port where it is another one than listened on. */
  advertise?: string
  /** Where the plugin listens, with the port it got. */
  listening: HostPort
  /** Somewhere all hosts can reach: Prism, or the data services address. */
  towards: HostPort
}

/**
 * Where other hosts reach this one's plugin: as configured, else the address listened on, else the local address
 * of this machine's way to the cluster, as all hosts have one there. Throws EACSPEERADDRESS.
 */
export async function advertisedAddress({ advertise, listening, towards }: AdvertiseRequest): Promise<HostPort> {
  if (advertise !== undefined) return parseHostPort(advertise, listening.port)
  if (!['0.0.0.0', '::'].includes(listening.host)) return listening
  const host = await localAddressTowards(towards).catch((error: unknown) => {
    throw new AcsError('usage', 'EACSPEERADDRESS', messageOf(error), {
      cause: error,
      hints: ['Say where other hosts reach this one: peer.advertise in the configuration of the plugin'],
    })
  })
  return { host, port: listening.port }
}

function isHostName(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIP(host) === 4
  return host.length <= 253 && /^\w([\w-]*\w)?(\.\w([\w-]*\w)?)*$/.test(host)
}

function bad(text: string, why: string): AcsError {
  return new AcsError('usage', 'EACSPEERADDRESS', `"${text}" is not the address of a volume plugin: ${why}`, {
    hints: ['peer.listen and peer.advertise look like 10.0.0.7:7440, [fd00::7]:7440 or docker1.example.com'],
  })
}
