import { parseNumber } from './text-keys.js'

/** What both sides agreed on for a session, or its defaults (RFC 7143 13). */
export interface SessionParameters {
  headerDigest: boolean
  dataDigest: boolean
  initialR2t: boolean
  immediateData: boolean
  maxBurstLength: number
  firstBurstLength: number
  /** Largest data segment the initiator accepts. */
  initiatorMaxDataLength: number
}

/** Largest data segment the target accepts (recorded on a real cluster). */
export const targetMaxDataLength = 1024 * 1024
const largestBurst = 16 * 1024 * 1024
const largestFirstBurst = 256 * 1024

export function defaultParameters(): SessionParameters {
  return {
    headerDigest: false,
    dataDigest: false,
    initialR2t: true,
    immediateData: true,
    maxBurstLength: 262_144,
    firstBurstLength: 65_536,
    initiatorMaxDataLength: 8192,
  }
}

/** Keys that say who is who, or belong to the security phase; answered elsewhere or not at all. */
const declarations = new Set([
  'InitiatorName',
  'InitiatorAlias',
  'TargetName',
  'SessionType',
  'AuthMethod',
  'TargetAlias',
  'TargetAddress',
  'TargetPortalGroupTag',
])

/**
 * Answers the operational keys an initiator offers and writes the outcome into `parameters`. Values that make
 * no sense are answered `Reject`, unknown keys `NotUnderstood`.
 */
export function negotiate(offered: ReadonlyMap<string, string>, parameters: SessionParameters): Map<string, string> {
  const answers = new Map<string, string>()
  for (const [key, value] of offered) {
    if (declarations.has(key)) continue
    const answer = answerTo(key, value, parameters)
    if (answer !== undefined) answers.set(key, answer)
  }
  // The keys may come in any order; the first burst is never above the whole.
  parameters.firstBurstLength = Math.min(parameters.firstBurstLength, parameters.maxBurstLength)
  return answers
}

function answerTo(key: string, value: string, to: SessionParameters): string | undefined {
  switch (key) {
    case 'HeaderDigest':
      return digest(value, (on) => (to.headerDigest = on))
    case 'DataDigest':
      return digest(value, (on) => (to.dataDigest = on))
    case 'InitialR2T':
      return flag(value, (yes) => (to.initialR2t = yes))
    case 'ImmediateData':
      return flag(value, (yes) => (to.immediateData = yes))
    case 'DataPDUInOrder':
    case 'DataSequenceInOrder':
      return flag(value, () => true, 'Yes')
    case 'MaxBurstLength':
      return lesser(value, largestBurst, 512, (length) => (to.maxBurstLength = length))
    case 'FirstBurstLength':
      return lesser(
        value,
        Math.min(largestFirstBurst, to.maxBurstLength),
        512,
        (length) => (to.firstBurstLength = length),
      )
    case 'MaxRecvDataSegmentLength': {
      const length = parseNumber(value)
      if (length === undefined || length < 512 || length > 0xff_ffff) return 'Reject'
      to.initiatorMaxDataLength = length
      return String(targetMaxDataLength)
    }
    case 'MaxConnections':
    case 'MaxOutstandingR2T':
      return lesser(value, 1, 1)
    case 'ErrorRecoveryLevel':
      return lesser(value, 0, 0)
    case 'DefaultTime2Wait':
      return parseNumber(value) === undefined ? 'Reject' : value
    case 'DefaultTime2Retain':
      // A real cluster answers 20 even to an offer of 0 (recorded).
      return parseNumber(value) === undefined ? 'Reject' : '20'
    case 'TaskReporting':
      return 'RFC3720'
    case 'iSCSIProtocolLevel':
      return lesser(value, 1, 0)
    case 'OFMarker':
    case 'IFMarker':
      return 'No'
    case 'OFMarkInt':
    case 'IFMarkInt':
      return 'Irrelevant'
    default:
      return 'NotUnderstood'
  }
}

function digest(value: string, set: (on: boolean) => void): string {
  const choice = value.split(',').find((one) => one === 'CRC32C' || one === 'None')
  if (choice === undefined) return 'Reject'
  set(choice === 'CRC32C')
  return choice
}

function flag(value: string, set: (yes: boolean) => void, only?: string): string {
  if (value !== 'Yes' && value !== 'No') return 'Reject'
  const outcome = only ?? value
  set(outcome === 'Yes')
  return outcome
}

function lesser(value: string, own: number, least: number, set?: (agreed: number) => void): string {
  const theirs = parseNumber(value)
  if (theirs === undefined || theirs < least) return 'Reject'
  const agreed = Math.min(theirs, own)
  set?.(agreed)
  return String(agreed)
}
