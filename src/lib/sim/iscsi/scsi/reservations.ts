import { attention } from './sense.js'

/** Persistent reservation types (SPC-4 6.15.3.4). */
export const reservationType = {
  writeExclusive: 1,
  exclusiveAccess: 3,
  writeExclusiveRegistrantsOnly: 5,
  exclusiveAccessRegistrantsOnly: 6,
  writeExclusiveAllRegistrants: 7,
  exclusiveAccessAllRegistrants: 8,
} as const

export interface Registration {
  /** `Nexus.id`. */
  nexus: string
  initiatorName: string
  /** Hex of the six bytes. */
  isid: string
  targetName: string
  /** 16 hex digits. */
  key: string
}

/** The persistent reservations of one logical unit; a value, replaced as a whole. */
export interface Reservations {
  /** PRGENERATION, kept modulo 2^32. */
  generation: number
  /** Survive a loss of power (APTPL). */
  persist: boolean
  registrations: readonly Registration[]
  reservation?: { type: number; key: string; nexus: string }
}

export const noReservations: Reservations = { generation: 0, persist: false, registrations: [] }
export const noKey = '0000000000000000'

/** Who acts, and with what words. */
export interface ReservationRequest {
  actor: Omit<Registration, 'key'>
  reservationKey: string
  serviceActionKey: string
  type: number
  persist: boolean
}

export type ReservationOutcome =
  | { result: 'conflict' | 'invalid-release' | 'invalid-parameter' }
  | {
      result: 'good'
      next: Reservations
      attentions: { nexus: string; code: number }[]
      /** Nexuses whose commands end (PREEMPT AND ABORT). */
      abort: string[]
    }

/** Types under which every registrant holds the reservation. */
export function isAllRegistrants(type: number): boolean {
  return type === reservationType.writeExclusiveAllRegistrants || type === reservationType.exclusiveAccessAllRegistrants
}

function isRegistrantsOnly(type: number): boolean {
  return (
    type === reservationType.writeExclusiveRegistrantsOnly || type === reservationType.exclusiveAccessRegistrantsOnly
  )
}

export function isKnownType(type: number): boolean {
  return Object.values(reservationType).some((one) => one === type)
}

export function registrationOf(state: Reservations, nexus: string): Registration | undefined {
  return state.registrations.find((one) => one.nexus === nexus)
}

export function holds(state: Reservations, nexus: string): boolean {
  if (!state.reservation) return false
  if (isAllRegistrants(state.reservation.type)) return registrationOf(state, nexus) !== undefined
  return state.reservation.nexus === nexus
}

/** REGISTER (key must match) and REGISTER AND IGNORE EXISTING KEY; a service action key of zero unregisters. */
export function register(state: Reservations, request: ReservationRequest, ignoreKey: boolean): ReservationOutcome {
  const { actor, serviceActionKey, reservationKey, persist } = request
  const present = registrationOf(state, actor.nexus)
  if (!ignoreKey && reservationKey !== (present?.key ?? noKey)) return { result: 'conflict' }
  if (serviceActionKey === noKey) {
    if (!present) return good(state)
    return unregister(advance(state, { persist }), actor.nexus)
  }
  const registrations = present
    ? state.registrations.map((one) => (one === present ? { ...one, key: serviceActionKey } : one))
    : [...state.registrations, { ...actor, key: serviceActionKey }]
  const { reservation } = state
  const renamed =
    reservation?.nexus === actor.nexus && !isAllRegistrants(reservation.type)
      ? { ...reservation, key: serviceActionKey }
      : reservation
  return good(advance(state, { persist, registrations, reservation: renamed }))
}

export function reserve(state: Reservations, request: ReservationRequest): ReservationOutcome {
  if (!speaksForItself(state, request)) return { result: 'conflict' }
  if (!isKnownType(request.type)) return { result: 'invalid-parameter' }
  if (state.reservation) {
    const same = holds(state, request.actor.nexus) && state.reservation.type === request.type
    return same ? good(state) : { result: 'conflict' }
  }
  const key = isAllRegistrants(request.type) ? noKey : request.reservationKey
  return good({ ...state, reservation: { type: request.type, key, nexus: request.actor.nexus } })
}

export function release(state: Reservations, request: ReservationRequest): ReservationOutcome {
  if (!speaksForItself(state, request)) return { result: 'conflict' }
  const { reservation } = state
  if (!reservation || !holds(state, request.actor.nexus)) return good(state)
  if (reservation.type !== request.type) return { result: 'invalid-release' }
  const shared = isAllRegistrants(reservation.type) || isRegistrantsOnly(reservation.type)
  return good(
    { ...state, reservation: undefined },
    shared ? others(state, request.actor.nexus, attention.reservationsReleased) : [],
  )
}

export function clear(state: Reservations, request: ReservationRequest): ReservationOutcome {
  if (!speaksForItself(state, request)) return { result: 'conflict' }
  return good(
    advance(state, { registrations: [], reservation: undefined }),
    others(state, request.actor.nexus, attention.reservationsPreempted),
  )
}

/** PREEMPT and PREEMPT AND ABORT (SPC-4 5.12.11.4). */
export function preempt(state: Reservations, request: ReservationRequest, abort: boolean): ReservationOutcome {
  if (!speaksForItself(state, request)) return { result: 'conflict' }
  const { actor, serviceActionKey, type } = request
  const { reservation } = state
  const allRegistrants = reservation !== undefined && isAllRegistrants(reservation.type)
  if (serviceActionKey === noKey && !allRegistrants) return { result: 'invalid-parameter' }

  const takesOver =
    reservation !== undefined && (allRegistrants ? serviceActionKey === noKey : reservation.key === serviceActionKey)
  if (takesOver && !isKnownType(type)) return { result: 'invalid-parameter' }
  const named = (one: Registration): boolean => serviceActionKey === noKey || one.key === serviceActionKey
  if (!takesOver && !state.registrations.some(named)) return { result: 'conflict' }

  // The preempting nexus itself loses its registration only when it names its own key without taking over.
  const victims = state.registrations.filter((one) => named(one) && (one.nexus !== actor.nexus || !takesOver))
  const registrations = state.registrations.filter((one) => !victims.includes(one))
  let next = reservation
  if (takesOver) next = { type, key: isAllRegistrants(type) ? noKey : request.reservationKey, nexus: actor.nexus }
  else if (allRegistrants && registrations.length === 0) next = undefined

  const attentions: { nexus: string; code: number }[] = victims
    .filter((one) => one.nexus !== actor.nexus)
    .map((one) => ({ nexus: one.nexus, code: attention.registrationsPreempted }))
  const softened = takesOver && reservation.type !== type && (isRegistrantsOnly(reservation.type) || allRegistrants)
  if (softened)
    for (const one of registrations)
      if (one.nexus !== actor.nexus) attentions.push({ nexus: one.nexus, code: attention.reservationsReleased })
  return {
    result: 'good',
    next: advance(state, { registrations, reservation: next }),
    attentions,
    abort: abort ? victims.map((one) => one.nexus) : [],
  }
}

/** What a command does to the medium, for the table of conflicts (SPC-4 table 50, SBC-3 table 13). */
export type Access =
  | 'always' // allowed whoever holds what
  | 'read' // conflicts with exclusive access of others
  | 'write' // conflicts with any reservation of others

/** Whether a command of `nexus` conflicts with the reservation. */
export function conflicts(state: Reservations, nexus: string, access: Access): boolean {
  const { reservation } = state
  if (!reservation || access === 'always' || holds(state, nexus)) return false
  const shared = isAllRegistrants(reservation.type) || isRegistrantsOnly(reservation.type)
  if (shared && registrationOf(state, nexus)) return false
  if (access === 'write') return true
  return (
    reservation.type === reservationType.exclusiveAccess ||
    reservation.type === reservationType.exclusiveAccessRegistrantsOnly ||
    reservation.type === reservationType.exclusiveAccessAllRegistrants
  )
}

/** Opaque text for `TargetDisk.saveReservations`; `undefined` when there is nothing to keep. */
export function formatReservations(state: Reservations): string | undefined {
  if (!state.persist || state.registrations.length === 0) return undefined
  return JSON.stringify({ version: 1, registrations: state.registrations, reservation: state.reservation })
}

/** The state after a restart: PRGENERATION starts at zero (SPC-4 5.12.1). Throws on text that is not ours. */
export function parseReservations(text: string): Reservations {
  const kept: unknown = JSON.parse(text)
  if (!isKept(kept)) throw new Error('these are not reservations of this target')
  return { generation: 0, persist: true, registrations: kept.registrations, reservation: kept.reservation }
}

function isKept(value: unknown): value is Pick<Reservations, 'registrations' | 'reservation'> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'registrations' in value &&
    Array.isArray(value.registrations)
  )
}

function speaksForItself(state: Reservations, { actor, reservationKey }: ReservationRequest): boolean {
  return registrationOf(state, actor.nexus)?.key === reservationKey
}

function unregister(state: Reservations, nexus: string): ReservationOutcome {
  const registrations = state.registrations.filter((one) => one.nexus !== nexus)
  const { reservation } = state
  if (!reservation) return good({ ...state, registrations })
  const ends = isAllRegistrants(reservation.type) ? registrations.length === 0 : reservation.nexus === nexus
  if (!ends) return good({ ...state, registrations })
  const told = isRegistrantsOnly(reservation.type) ? others(state, nexus, attention.reservationsReleased) : []
  return good({ ...state, registrations, reservation: undefined }, told)
}

function advance(state: Reservations, change: Partial<Reservations>): Reservations {
  return { ...state, ...change, generation: (state.generation + 1) >>> 0 }
}

function others(state: Reservations, nexus: string, code: number): { nexus: string; code: number }[] {
  return state.registrations.filter((one) => one.nexus !== nexus).map((one) => ({ nexus: one.nexus, code }))
}

function good(next: Reservations, attentions: { nexus: string; code: number }[] = []): ReservationOutcome {
  return { result: 'good', next, attentions, abort: [] }
}
