import { AcsError, isAcsError } from '../../base/errors.js'
import type { Deadline } from '../../base/deadline.js'
import { together } from '../../base/together.js'
import type { DiskAddress, Runner } from '../host.js'
import { exitCodeOf } from '../exec.js'

/** What the disk says of itself, asked over a session of its own. */
export interface DiskIdentity {
  /** VPD page 0x80, unit serial number, trimmed. */
  serial: string
  sectorBytes: number
  sizeBytes: number
}

/**
 * Asks the disk for its serial (VPD 0x80) and capacity with libiscsi's tools, which send no other command. CHAP goes in the tools' environment (readable by root and the same user only), not in the
 * URL, which everybody can see. Throws EACSLOGIN with the target's words.
 */
export async function askIdentity(
  runner: Runner,
  disk: DiskAddress,
  initiatorName: string,
  deadline: Deadline,
): Promise<DiskIdentity> {
  const url = `iscsi://${disk.portal}/${disk.targetName}/${disk.lun}`
  const env = chapEnvironment(disk)
  const ask = async (tool: string, args: readonly string[]): Promise<string> => {
    try {
      return (await runner.run(tool, [...args, '-i', initiatorName, url], { deadline, timeoutMs: 15_000, env })).stdout
    } catch (error) {
      if (isAcsError(error, 'EACSTIMEOUT') && deadline.remainingMs() > 0) throw silentPortal(error, disk)
      throw loginError(error, disk, initiatorName)
    }
  }
  const [inquiry, capacity] = await together([
    ask('iscsi-inq', ['-e', '1', '-c', '128']),
    ask('iscsi-readcapacity16', []),
  ])
  const serial = parseUnitSerial(inquiry)
  const size = parseCapacity(capacity)
  if (serial === undefined || size === undefined)
    throw new AcsError(
      'failed',
      'EACSPROBE',
      `${disk.targetName} LUN ${disk.lun} did not tell its serial and capacity`,
      {
        details: { inquiry, capacity },
      },
    )
  return { serial, ...size }
}

/** `Unit Serial Number:[ABC   ]` of `iscsi-inq -e 1 -c 128`. */
export function parseUnitSerial(stdout: string): string | undefined {
  return /^Unit Serial Number:\[(.*)\]\s*$/m.exec(stdout)?.[1]?.trim()
}

/** Block length and count of `iscsi-readcapacity16`. */
export function parseCapacity(stdout: string): { sectorBytes: number; sizeBytes: number } | undefined {
  const last = /RETURNED LOGICAL BLOCK ADDRESS:\s*(\d+)/i.exec(stdout)?.[1]
  const length = /LOGICAL BLOCK LENGTH IN BYTES:\s*(\d+)/i.exec(stdout)?.[1]
  if (last === undefined || length === undefined) return undefined
  return { sectorBytes: Number(length), sizeBytes: (Number(last) + 1) * Number(length) }
}

/** Serials are compared without dashes, blanks and case: Prism writes a UUID, the disk may not. */
export function sameSerial(one: string, other: string): boolean {
  return normal(one) === normal(other) && normal(one) !== ''
}

function normal(serial: string): string {
  return serial.replace(/[-\s]/g, '').toLowerCase()
}

/** Throws EACSWRONGDISK unless serial and size are those of the volume's disk. */
export function assertRightDisk(disk: DiskAddress, found: { serial: string; sizeBytes: number }): void {
  if (!sameSerial(found.serial, disk.serial)) throw wrongDisk(disk, `serial ${found.serial}`, disk.serial)
  assertRightSize(disk, found.sizeBytes)
}

/** Throws EACSWRONGDISK when the size differs from Prism's. */
export function assertRightSize(disk: DiskAddress, sizeBytes: number): void {
  if (sizeBytes !== disk.sizeBytes) throw wrongDisk(disk, `${sizeBytes} bytes`, `${disk.sizeBytes} bytes`)
}

function wrongDisk(disk: DiskAddress, found: string, expected: string): AcsError {
  return new AcsError(
    'conflict',
    'EACSWRONGDISK',
    `${disk.targetName} LUN ${disk.lun} at ${disk.portal} is another disk: it has ${found}, the volume's has ${expected}`,
    { hints: ['Nothing was attached; using it could destroy data'], details: { found, expected } },
  )
}

function chapEnvironment(disk: DiskAddress): Record<string, string> {
  if (!disk.chap) return {}
  const { username, secret, mutual } = disk.chap
  return {
    LIBISCSI_CHAP_USERNAME: username,
    LIBISCSI_CHAP_PASSWORD: secret,
    ...(mutual ? { LIBISCSI_CHAP_TARGET_USERNAME: mutual.username, LIBISCSI_CHAP_TARGET_PASSWORD: mutual.secret } : {}),
  }
}

/** What libiscsi's words mean; anything unknown stays EACSLOGIN with the words as evidence. */
export function loginError(
  error: unknown,
  disk: Pick<DiskAddress, 'portal' | 'targetName'>,
  initiator: string,
): unknown {
  if (exitCodeOf(error) === undefined || !isAcsError(error)) return error
  const words = String(error.details.stderr)
  const details = { portal: disk.portal, targetName: disk.targetName, initiator, evidence: words }
  if (/authenti|\(513\)|CHAP/i.test(words))
    return new AcsError('auth', 'EACSCHAP', `${disk.portal} refused the CHAP secret for ${disk.targetName}: ${words}`, {
      cause: error,
      details,
    })
  if (/\(514\)|\(515\)|not found|authorization/i.test(words))
    return new AcsError(
      'auth',
      'EACSNOTALLOWED',
      `${disk.portal} has no target ${disk.targetName} for ${initiator}: ${words}`,
      { cause: error, hints: ['Check the allowed initiators of the volume group'], details },
    )
  if (/refused|unreachable|timed? ?out|reset|no route|failed to connect|socket|can not reconnect/i.test(words))
    return silentPortal(error, disk)
  return new AcsError('failed', 'EACSLOGIN', `login to ${disk.targetName} at ${disk.portal} failed: ${words}`, {
    cause: error,
    details,
  })
}

function silentPortal(cause: AcsError, disk: Pick<DiskAddress, 'portal' | 'targetName'>): AcsError {
  const words = typeof cause.details.stderr === 'string' ? cause.details.stderr : cause.message
  return new AcsError('timeout', 'EACSPORTALDOWN', `the iSCSI portal ${disk.portal} does not answer: ${words}`, {
    cause,
    hints: [`Check the data services address and the way there: nc -vz ${disk.portal.replace(/:(\d+)$/, ' $1')}`],
    details: { portal: disk.portal, targetName: disk.targetName, evidence: words },
  })
}
